/**
 * A connection to a server as the byte stream that the SQL client speaks through, which asks the
 * server who it is before the client may use the session.
 *
 * The client's pool has no hook between the login and the first statement. So the stream keeps the
 * message that ends the login, asks by a statement of its own, and hands the message over once the
 * session is admitted. From then on bytes pass in both directions unread.
 */
import { Buffer } from "node:buffer"
import * as Net from "node:net"
import { Duplex } from "node:stream"
import type { ConnectionOptions } from "node:tls"
import * as Tls from "node:tls"

/** The answers of a server about itself. */
export interface Facts {
  readonly isStandby: boolean
  /** True if sessions begin with `default_transaction_read_only`. */
  readonly isReadOnly: boolean
  /** Undefined where the server does not tell it. */
  readonly identity: Identity | undefined
}

/** The cluster of a server, and the timeline that it writes: a promotion begins another one. */
export interface Identity {
  readonly system: string
  readonly timeline: number
}

/** The key by which a session is cancelled, as text. */
type CancelKey = string

export interface Wanted {
  readonly host: string
  readonly port: number
  /** `offered`: TLS if the server has it. */
  readonly ssl: false | { readonly options: ConnectionOptions; readonly offered: boolean }
  /** Returns an error to refuse the session. */
  readonly admit: (facts: Facts, key: CancelKey) => Error | undefined
}

/**
 * The system identifier, the timeline, and whether it is a standby, as text.
 *
 * `pg_control_checkpoint` still has the old timeline right after a promotion.
 */
const WHO = `SELECT s.system_identifier, pg_catalog.pg_is_in_recovery(),
  CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
    ELSE pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END
  FROM pg_catalog.pg_control_system() s`

const QUERY = ((text) => {
  const message = Buffer.alloc(text.length + 6)
  message.write("Q", 0)
  message.writeInt32BE(text.length + 5, 1)
  message.write(text, 5)
  return message
})(WHO)

const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** PostgreSQL, "Message Formats": the code of a `CancelRequest`. */
const CANCEL_CODE = 80_877_102

/** The bytes of the types of messages. */
const READY = 0x5a
const ERROR = 0x45
const ROW = 0x44
const KEY = 0x4b
const PARAMETER = 0x53

export class SessionStream extends Duplex {
  readonly #choose: (first: Uint8Array) => Wanted | Error
  #admit: Wanted["admit"] = () => undefined
  #socket: Duplex | undefined
  #phase: "login" | "asking" | "open" = "login"
  #rest: Buffer = Buffer.alloc(0)
  /** The message that ends the login, which the client has not got yet. */
  #ready: Buffer = Buffer.alloc(0)
  #standby = false
  #readOnly = false
  #key: CancelKey = ""
  #identity: Identity | undefined
  /** The socket while it connects and agrees on TLS. */
  #opening: Duplex | undefined

  /** `choose`: returns the server by the first message of the client. */
  constructor(choose: (first: Uint8Array) => Wanted | Error) {
    super()
    this.#choose = choose
  }

  override _read(): void {
    this.#socket?.resume()
  }

  override _write(
    bytes: Uint8Array,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void
  ): void {
    if (this.#socket !== undefined) {
      this.#socket.write(bytes, done)
      return
    }
    const wanted = this.#choose(bytes)
    if (wanted instanceof Error) return done(wanted)
    this.#admit = wanted.admit
    this.#connect(wanted, (socket) => {
      this.#socket = socket
      // A request to cancel has no login: the server closes the connection.
      if (cancelledKey(bytes) !== undefined) this.#phase = "open"
      socket.on("data", (chunk: Buffer) => this.#receive(chunk))
      socket.once("end", () => this.push(null))
      socket.once("close", () => this.destroy())
      socket.write(bytes, done)
    })
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#socket === undefined) done()
    else this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket?.destroy()
    this.#opening?.destroy()
    done(error)
  }

  #connect({ host, port, ssl }: Wanted, use: (socket: Duplex) => void): void {
    const fail = (error: Error) => this.destroy(error)
    const plain = host.startsWith("/")
      ? Net.connect({ path: `${host}/.s.PGSQL.${port}` })
      : Net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 })
    this.#opening = plain
    plain.on("error", fail)
    plain.once("close", () => this.destroy())
    plain.once("connect", () => {
      if (ssl === false) return use(plain)
      plain.once("data", (answer: Buffer) => {
        // More than one byte is not of the server's TLS: another could have put it in.
        const code = answer.length === 1 ? answer.toString("latin1") : ""
        if (code === "N" && ssl.offered) return use(plain)
        if (code !== "S") {
          return fail(
            new Error(
              code === "N"
                ? "The server does not support TLS"
                : "The server did not answer the request for TLS"
            )
          )
        }
        const encrypted = Tls.connect({
          host,
          servername: Net.isIP(host) === 0 ? host : undefined,
          ...ssl.options,
          socket: plain
        })
        this.#opening = encrypted
        encrypted.on("error", fail)
        encrypted.once("secureConnect", () => use(encrypted))
      })
      plain.write(SSL_REQUEST)
    })
  }

  #receive(chunk: Buffer): void {
    if (this.#phase === "open") return this.#pass(chunk)
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= 5) {
      const end = 1 + bytes.readInt32BE(1)
      if (bytes.length < end) break
      this.#handle(bytes.subarray(0, end))
      bytes = bytes.subarray(end)
      if (this.destroyed) return
      if (this.#isOpen()) {
        this.#rest = Buffer.alloc(0)
        if (bytes.length > 0) this.#pass(bytes)
        return
      }
    }
    this.#rest = bytes
  }

  #isOpen(): boolean {
    return this.#phase === "open"
  }

  #pass(bytes: Uint8Array): void {
    if (!this.push(bytes)) this.#socket?.pause()
  }

  #handle(message: Buffer): void {
    const type = message[0]
    if (type === PARAMETER) {
      const [name, value] = message.toString("utf8", 5).split("\0")
      if (name === "in_hot_standby") this.#standby = value === "on"
      if (name === "default_transaction_read_only") this.#readOnly = value === "on"
    }
    if (this.#phase === "asking") return this.#hear(type, message)
    if (type === KEY) this.#key = message.toString("hex", 5)
    if (type === READY) {
      this.#phase = "asking"
      this.#ready = Buffer.from(message)
      this.#socket?.write(QUERY)
      return
    }
    this.#pass(message)
  }

  /** Reads the answer about the server. An error means that it does not tell. */
  #hear(type: number | undefined, message: Buffer): void {
    if (type === ROW) {
      const [system, isStandby, timeline] = valuesOf(message)
      this.#standby ||= isStandby === "t"
      if (system !== undefined && timeline !== undefined) {
        this.#identity = { system, timeline: Number.parseInt(timeline, 16) }
      }
    }
    if (type !== READY) {
      // The server ends the session, as when it shuts down.
      if (type === ERROR && message.includes("VFATAL\0")) this.#pass(message)
      return
    }
    const refused = this.#admit(
      { isStandby: this.#standby, isReadOnly: this.#readOnly, identity: this.#identity },
      this.#key
    )
    if (refused !== undefined) {
      this.#socket?.write(TERMINATE)
      this.destroy(refused)
      return
    }
    this.#phase = "open"
    this.#pass(this.#ready)
  }
}

/** Returns the key in a request to cancel; undefined for another first message. */
export const cancelledKey = (message: Uint8Array): CancelKey | undefined => {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  return bytes.length >= 16 && bytes.readInt32BE(4) === CANCEL_CODE
    ? bytes.toString("hex", 8)
    : undefined
}

/** Returns the values of a row in text. */
const valuesOf = (row: Buffer): ReadonlyArray<string | undefined> => {
  const values: Array<string | undefined> = []
  let at = 7
  for (let left = row.readInt16BE(5); left > 0; left--) {
    const length = row.readInt32BE(at)
    at += 4
    values.push(length < 0 ? undefined : row.toString("utf8", at, at + length))
    if (length > 0) at += length
  }
  return values
}
