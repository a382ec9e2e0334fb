/**
 * Imports an export in batches, and compares the log with the file afterwards.
 */
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as PostgresImport from "@daybook/store/PostgresImport"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { FaultsFound } from "../exit.ts"
import { count } from "../output/listing.ts"
import type { Draw } from "../output/progress.ts"
import { Checksum, End, Head, InvalidExport, Line, lines } from "./exportFormat.ts"

/** A batch ends with the append that brings it to so many events or characters. */
const BATCH_EVENTS = 1_000
const BATCH_CHARACTERS = 4_000_000

/** The outcome of an import. */
interface Imported extends End {
  readonly log: LogId
  /** The number of events that this run added. */
  readonly added: number
}

const decodeHead = Schema.decodeUnknownResult(Schema.fromJsonString(Head))
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))
const decodeEnd = Schema.decodeUnknownResult(Schema.fromJsonString(End))

type Failure = InvalidExport | PostgresImport.ImportRefused | SqlError

/** Imports the lines of an export. */
export const run = Effect.fnUntraced(function* <E, R>(
  given: Stream.Stream<string, E, R>,
  draw: Draw
) {
  const reading = new Reading()
  yield* Stream.runForEach(given, (line) =>
    Effect.andThen(
      reading.take(line),
      reading.checksum.events % BATCH_EVENTS === 0
        ? draw(
            `${count(reading.checksum.events, "event")} read, ${count(reading.added, "event")} added`
          )
        : Effect.void
    )
  )
  if (reading.end === undefined) reading.dropLastAppend()
  yield* reading.flush
  const { checksum, end, log } = reading
  if (log === undefined) return yield* new InvalidExport({ line: 1, issue: "the file is empty" })
  if (end === undefined) {
    // All but the last append of the file is in the log.
    return yield* new InvalidExport({
      line: reading.number + 1,
      issue: `the last line is missing, so the export was interrupted: of its ${count(checksum.events, "event")}, ${reading.added} were added to the log. Complete the file by daybook export --resume, and import it again`
    })
  }
  const counted = checksum.end()
  if (counted.events !== end.events || counted.sha256 !== end.sha256) {
    return yield* new InvalidExport({
      line: reading.number,
      issue: `it names ${count(end.events, "event")} with checksum ${end.sha256}, and the lines before it are ${count(counted.events, "event")} with checksum ${counted.sha256}`
    })
  }
  yield* PostgresImport.end({ added: reading.added, passedOver: reading.passedOver })
  yield* compare(end, reading.last, draw)
  const imported: Imported = { ...end, log, added: reading.added }
  return imported
})

/**
 * Reads the log back up to the last event of the file, and fails unless it is what the file says.
 * Hosts may have appended since an earlier run.
 */
const compare = Effect.fnUntraced(function* (end: End, last: Position.Position, draw: Draw) {
  const checksum = new Checksum()
  yield* Stream.runForEachArray(lines(Position.start, last), (some) => {
    for (const line of some) checksum.add(line)
    return draw(`${count(checksum.events, "event")} of ${count(end.events, "event")} compared`)
  })
  const found = checksum.end()
  if (found.events !== end.events || found.sha256 !== end.sha256) {
    return yield* new FaultsFound({
      summary: `The log is not what the file says: it has ${count(found.events, "event")} with checksum ${found.sha256}, and the file ${count(end.events, "event")} with checksum ${end.sha256}`
    })
  }
})

/** Takes the lines in their order, and writes the events in batches of whole appends. */
class Reading {
  readonly checksum = new Checksum()
  readonly passedOver: Array<PostgresImport.PassedOverRecord> = []
  log: LogId | undefined
  end: End | undefined
  number = 0
  added = 0
  /** The position of the last event of the file. */
  last = Position.start
  /** The end of the log. */
  #written = Position.start
  #waiting: Array<PostgresImport.StoredEvent> = []
  #characters = 0

  take(line: string): Effect.Effect<void, Failure, SqlClient> {
    this.number += 1
    if (this.end !== undefined) return this.#refuse("it follows the last one")
    if (this.log === undefined) return this.#takeHead(line)
    if (line.startsWith('{"daybook":')) {
      const end = decodeEnd(line)
      if (Result.isFailure(end)) return this.#refuse(end.failure.message)
      this.end = end.success
      return Effect.void
    }
    const decoded = decodeLine(line)
    if (Result.isFailure(decoded)) return this.#refuse(decoded.failure.message)
    this.checksum.add(line)
    return this.#takeEvent(decoded.success, line.length)
  }

  #refuse(issue: string): Effect.Effect<never, InvalidExport> {
    return Effect.fail(new InvalidExport({ line: this.number, issue }))
  }

  #takeHead(line: string): Effect.Effect<void, Failure, SqlClient> {
    const head = decodeHead(line)
    if (Result.isFailure(head)) return this.#refuse(head.failure.message)
    this.log = head.success.log
    return Effect.map(PostgresImport.begin(head.success.log), (last) => {
      if (Option.isSome(last)) this.#written = last.value.position
    })
  }

  #takeEvent(line: Line, length: number): Effect.Effect<void, Failure, SqlClient> {
    const { data, metadata, passedOver, ...event } = line
    this.last = event.position
    if (passedOver !== undefined) {
      const { actor, at, login, reason } = passedOver
      const { id: eventId, position } = event
      this.passedOver.push({ position, eventId, at, login, actor, reason })
    }
    // The log has it already: an earlier run wrote it.
    if (event.position <= this.#written) return Effect.void
    const stored: PostgresImport.StoredEvent = {
      ...event,
      ...(passedOver === undefined
        ? { data: JSON.stringify(data), metadata: JSON.stringify(metadata) }
        : {
            type: passedOver.type,
            schemaVersion: passedOver.schemaVersion,
            data: passedOver.data,
            metadata: passedOver.metadata
          })
    }
    const last = this.#waiting.at(-1)
    const isNextAppend =
      last !== undefined &&
      PostgresImport.appendNumber(last.position) !== PostgresImport.appendNumber(event.position)
    const isFull = this.#waiting.length >= BATCH_EVENTS || this.#characters >= BATCH_CHARACTERS
    const add = Effect.sync(() => {
      this.#waiting.push(stored)
      this.#characters += length
    })
    return isFull && isNextAppend ? Effect.andThen(this.flush, add) : add
  }

  /** Leaves out the last append of a file that was cut off, perhaps in the middle of it. */
  dropLastAppend(): void {
    const last = this.#waiting.at(-1)
    if (last === undefined) return
    const number = PostgresImport.appendNumber(last.position)
    this.#waiting = this.#waiting.filter(
      ({ position }) => PostgresImport.appendNumber(position) < number
    )
  }

  /** Writes the events that wait. */
  readonly flush: Effect.Effect<void, Failure, SqlClient> = Effect.suspend(() => {
    const events = this.#waiting
    if (!Arr.isArrayNonEmpty(events)) return Effect.void
    return Effect.map(PostgresImport.write(this.#written, events), () => {
      this.#written = Arr.lastNonEmpty(events).position
      this.added += events.length
      this.#waiting = []
      this.#characters = 0
    })
  })
}
