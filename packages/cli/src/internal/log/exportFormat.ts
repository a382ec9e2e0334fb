/**
 * The file of an export: a line of JSON for the log, one for each event in position order, and one
 * for the end, with the number of events and a checksum.
 *
 * The checksum is SHA-256 over the lines of the events, each with its line feed, so that two logs
 * with the same checksum have the same events with the same ids, revisions, positions and times.
 */
import { LogId } from "@daybook/kernel/LogId"
import { printableLine } from "@daybook/kernel/Printable"
import { Position } from "@daybook/kernel/Position"
import { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as PassedOver from "@daybook/kernel/PassedOver"
import { EventStore } from "@daybook/store/EventStore"
import * as PostgresPassOver from "@daybook/store/PostgresPassOver"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createHash, type Hash } from "node:crypto"
import { toJson } from "../output/eventListing.ts"

export const FORMAT = 1

/** The first line. */
export const Head = Schema.Struct({
  daybook: Schema.Literal("log"),
  format: Schema.Literal(FORMAT),
  log: LogId
})

/** The last line. */
export const End = Schema.Struct({
  daybook: Schema.Literal("end"),
  events: Schema.Int,
  sha256: Schema.String
})

export type End = typeof End.Type

/** The content of an event that readers pass over, with the record of the act. */
const Hidden = Schema.Struct({
  type: Schema.String,
  schemaVersion: Schema.Int,
  data: Schema.String,
  metadata: Schema.String,
  at: Schema.DateTimeUtcFromString,
  login: Schema.String,
  actor: Schema.String,
  reason: Schema.String
})

/** The line of an event. */
export const Line = Schema.Struct({
  position: Schema.BigIntFromString.pipe(Schema.decodeTo(Position)),
  streamId: RecordedEvent.fields.streamId,
  revision: RecordedEvent.fields.revision,
  id: RecordedEvent.fields.id,
  type: Schema.String,
  schemaVersion: RecordedEvent.fields.schemaVersion,
  occurredAt: Schema.DateTimeUtcFromString,
  recordedAt: Schema.DateTimeUtcFromString,
  data: Schema.Json,
  metadata: Schema.JsonObject,
  passedOver: Schema.optionalKey(Hidden)
})

export type Line = typeof Line.Type

/** A line of a file does not belong to an export. */
export class InvalidExport extends Data.TaggedError("InvalidExport")<{
  readonly line: number
  readonly issue: string
}> {
  override get message() {
    return printableLine(`Line ${this.line} is not of an export: ${this.issue}`)
  }
}

/** Returns the number of events and the checksum of the lines so far. */
export class Checksum {
  readonly #hash: Hash = createHash("sha256")
  events = 0

  add(line: string): void {
    this.events += 1
    this.#hash.update(line).update("\n")
  }

  end(): End {
    return { daybook: "end", events: this.events, sha256: this.#hash.copy().digest("hex") }
  }
}

/** The lines of the events after a position, up to the head of the log. */
export const lines = (after: Position, upTo: Position) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const store = yield* EventStore
      const hidden = new Map((yield* PostgresPassOver.listStored).map((one) => [one.position, one]))
      return store.readAll({ after, upTo }).pipe(
        Stream.map((event) => {
          const found = PassedOver.isPassedOver(event) ? hidden.get(event.position) : undefined
          if (found === undefined) return JSON.stringify(toJson(event))
          const { actor, at, login, reason, stored } = found
          const passedOver = { ...stored, at: DateTime.formatIso(at), login, actor, reason }
          return JSON.stringify({ ...toJson(event), passedOver })
        })
      )
    })
  )
