/**
 * Writes an export to standard output, or to a file, which an interrupted export leaves so that it
 * can go on.
 */
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import { EventStore } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Misused } from "../exit.ts"
import { count } from "../output/listing.ts"
import type { Draw } from "../output/progress.ts"
import * as Stdout from "../output/stdout.ts"
import { Checksum, type End, FORMAT, Head, InvalidExport, Line, lines } from "./exportFormat.ts"

const headOf = (log: LogId): string => JSON.stringify({ daybook: "log", format: FORMAT, log })

/** Prints the whole log. */
export const toStdout = Effect.fnUntraced(function* (draw: Draw) {
  const store = yield* EventStore
  const head = yield* store.head
  yield* Stdout.writeLines([headOf(yield* store.identity)])
  return yield* writeRest(new Checksum(), Position.start, head, draw, Stdout.write)
})

/** Writes the whole log to a file; `resume` goes on with a file that was begun. */
export const toFile = Effect.fnUntraced(function* (file: string, resume: boolean, draw: Draw) {
  const fs = yield* FileSystem
  const store = yield* EventStore
  const log = yield* store.identity
  const head = yield* store.head
  const isThere = yield* fs.exists(file)
  if (isThere && !resume) {
    return yield* new Misused({
      problem: `${file} exists: give another, or --resume to go on with it`
    })
  }
  const begun = isThere ? yield* readBegun(file) : undefined
  if (begun !== undefined && begun.log !== undefined && begun.log !== log) {
    return yield* new Misused({ problem: `${file} is of log ${begun.log}, and this is log ${log}` })
  }
  if (begun?.isComplete === true) return begun.checksum.end()
  return yield* Effect.scoped(
    Effect.gen(function* () {
      if (begun !== undefined) yield* fs.truncate(file, begun.bytes)
      const opened = yield* fs.open(file, { flag: isThere ? "a" : "wx", mode: 0o600 })
      const encoder = new TextEncoder()
      const write = (text: string) => opened.writeAll(encoder.encode(text))
      if (begun?.log === undefined) yield* write(`${headOf(log)}\n`)
      const end = yield* writeRest(
        begun?.checksum ?? new Checksum(),
        begun?.position ?? Position.start,
        head,
        draw,
        write
      )
      yield* opened.sync
      return end
    })
  )
})

const writeRest = <E, R>(
  checksum: Checksum,
  after: Position.Position,
  head: Position.Position,
  draw: Draw,
  write: (text: string) => Effect.Effect<void, E, R>
) =>
  Stream.runForEachArray(lines(after, head), (some) => {
    for (const line of some) checksum.add(line)
    return Effect.andThen(
      write(`${some.join("\n")}\n`),
      draw(`${count(checksum.events, "event")} exported`)
    )
  }).pipe(
    Effect.andThen(
      Effect.suspend(() => {
        const end = checksum.end()
        return Effect.as(write(`${JSON.stringify(end)}\n`), end)
      })
    )
  )

/** The part of an export that a file holds. */
interface Begun {
  /** Undefined if not even the first line is whole. */
  readonly log: LogId | undefined
  readonly checksum: Checksum
  readonly position: Position.Position
  /** The length of the whole lines. */
  readonly bytes: number
  readonly isComplete: boolean
}

const decodeHead = Schema.decodeUnknownResult(Schema.fromJsonString(Head))
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

const readBegun = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem
  const { size } = yield* fs.stat(file)
  const checksum = new Checksum()
  let number = 0
  let bytes = 0
  let log: LogId | undefined
  let position = Position.start
  let end: End | undefined
  yield* Stream.runForEach(
    fs.stream(file).pipe(Stream.decodeText, Stream.splitLines),
    (line): Effect.Effect<void, InvalidExport> => {
      const length = Buffer.byteLength(line) + 1
      // The last line was torn if its line feed is missing: it is written again.
      if (BigInt(bytes + length) > size) return Effect.void
      bytes += length
      number += 1
      const refuse = (issue: string) => Effect.fail(new InvalidExport({ line: number, issue }))
      if (end !== undefined) return refuse("it follows the last one")
      if (number === 1) {
        const head = decodeHead(line)
        if (Result.isFailure(head)) return refuse(head.failure.message)
        log = head.success.log
        return Effect.void
      }
      if (line.startsWith('{"daybook":"end"')) {
        end = checksum.end()
        return JSON.stringify(end) === line ? Effect.void : refuse("count or checksum differ")
      }
      const decoded = decodeLine(line)
      if (Result.isFailure(decoded)) return refuse(decoded.failure.message)
      position = decoded.success.position
      checksum.add(line)
      return Effect.void
    }
  )
  const begun: Begun = { log, checksum, position, bytes, isComplete: end !== undefined }
  return begun
})
