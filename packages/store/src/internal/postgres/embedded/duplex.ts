/**
 * A connection to PGlite as the byte stream that the SQL client speaks through.
 */
import type { PGlite } from "@electric-sql/pglite"
import { Duplex } from "node:stream"

/**
 * Returns a function that opens connections to `database`.
 *
 * They all share its one session, so a new one resets the state that an earlier one left there: an
 * open transaction, prepared statements, locks.
 */
export const connect = (database: PGlite): (() => Duplex) => {
  let used = false
  // Bytes of two connections, such as a query's and its cancellation's, must not interleave.
  let turn: Promise<unknown> = Promise.resolve()
  const answer = async (message: Uint8Array, give: (bytes: Uint8Array) => void): Promise<void> => {
    if (isStartup(message)) {
      if (used) {
        if (database.isInTransaction()) await database.exec("ROLLBACK")
        await database.exec("DISCARD ALL")
      }
      used = true
    }
    // The bytes lie in PGlite's own memory. Its other calls also parse each answer:
    // `execProtocolRaw` keeps the parsed messages for the life of the process, and both take 14
    // times as long for a large answer.
    await database.execProtocolRawStream(message, { onRawData: (bytes) => give(bytes.slice()) })
  }
  const open = () =>
    new Duplex({
      read() {},
      write(message: Uint8Array, _encoding, done) {
        if (isCancelRequest(message)) {
          // Each query runs to its end before the next message is read, so there is nothing to
          // cancel.
          done()
          this.destroy()
          return
        }
        turn = turn
          .then(() => answer(message, (bytes) => this.push(bytes)))
          .then(
            () => done(),
            (error: unknown) => done(error instanceof Error ? error : new Error(String(error)))
          )
      }
    })
  singleSessions.add(open)
  return open
}

const singleSessions = new WeakSet<() => Duplex>()

/**
 * Returns true if all connections that it opens are one session, so that a second one ends the
 * first.
 */
export const sharesOneSession = (open: () => Duplex): boolean => singleSessions.has(open)

/**
 * Returns true for the first message of a connection: it has no type byte, but the high byte of a
 * length, which is 0.
 */
const isStartup = (message: Uint8Array): boolean => message[0] === 0

/**
 * Returns true for a length of 16 and the code 80877102 (PostgreSQL, "Message Formats":
 * CancelRequest).
 */
const isCancelRequest = (message: Uint8Array): boolean =>
  message.length === 16 &&
  new DataView(message.buffer, message.byteOffset).getUint32(0) === 16 &&
  new DataView(message.buffer, message.byteOffset).getUint32(4) === 80_877_102
