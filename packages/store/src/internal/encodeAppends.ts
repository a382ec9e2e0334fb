/**
 * What every store does to an append before it looks at its log: refuse it, or write it as JSON.
 */
import { EventId } from "@daybook/kernel/EventId"
import { EventMetadata } from "@daybook/kernel/EventMetadata"
import { EventType, type NewEvent, SchemaVersion } from "@daybook/kernel/NewEvent"
import { StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  type Append,
  AppendRefused,
  type Check,
  MAX_APPEND_BYTES,
  MAX_DATA_BYTES,
  MAX_EVENTS,
  MAX_JSON_DEPTH,
  MAX_METADATA_BYTES,
  MAX_STREAMS
} from "../EventStore.ts"
import { ExpectedRevision } from "../ExpectedRevision.ts"
import type { RefusalReason } from "../RefusalReason.ts"
import * as Json from "./json.ts"

/** An event as stores write it: JSON as text, the instant in milliseconds since the Unix epoch. */
export interface EncodedEvent {
  readonly id: EventId
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly metadata: string
  readonly occurredAt: number
}

/** An append, or a check when it has no events. */
export interface EncodedAppend {
  readonly streamId: StreamId
  readonly expected: ExpectedRevision
  readonly events: ReadonlyArray<EncodedEvent>
}

/**
 * Encodes the appends, then the checks, each in its order; or refuses them all.
 */
export const encodeAppends = (
  appends: Arr.NonEmptyReadonlyArray<Append>,
  checks: ReadonlyArray<Check>
): Result.Result<Arr.NonEmptyReadonlyArray<EncodedAppend>, AppendRefused> => {
  // Refusals read like exceptions here: the one that comes first is the answer.
  const misshapen = refuseShape(appends, checks)
  if (misshapen !== undefined) return Result.fail(misshapen)
  const ids = new Set<string>()
  let bytes = 0
  const encoded: Array<EncodedAppend> = []
  for (const { events, expected, streamId } of appends) {
    const encodedEvents: Array<EncodedEvent> = []
    for (const [index, event] of events.entries()) {
      const one = encodeEvent(event, index)
      if (Result.isFailure(one)) return refuse(streamId, one.failure)
      if (ids.has(event.id)) {
        return refuse(streamId, { _tag: "RepeatedEventId", index, eventId: event.id })
      }
      ids.add(event.id)
      bytes += Buffer.byteLength(one.success.data) + Buffer.byteLength(one.success.metadata)
      if (bytes > MAX_APPEND_BYTES) {
        const limit = MAX_APPEND_BYTES
        return refuse(streamId, { _tag: "AppendTooLarge", index, bytes, limit })
      }
      encodedEvents.push(one.success)
    }
    encoded.push({ streamId, expected, events: encodedEvents })
  }
  for (const { expected, streamId } of checks) encoded.push({ streamId, expected, events: [] })
  // As many as the appends and checks, and of appends there is one at least.
  return Result.succeed(encoded as [EncodedAppend, ...Array<EncodedAppend>])
}

const refuse = (streamId: StreamId, reason: RefusalReason) =>
  Result.fail(new AppendRefused({ streamId, reason }))

/** Looks at the counts and names, before any work on the events. */
const refuseShape = (
  appends: Arr.NonEmptyReadonlyArray<Append>,
  checks: ReadonlyArray<Check>
): AppendRefused | undefined => {
  const streams = new Set<string>()
  const named = appends.length + checks.length
  for (const { expected, streamId } of [...appends, ...checks]) {
    if (!isStreamId(streamId)) {
      const issue = "not a stream id: a category, -, then 1 to 200 characters of Unicode"
      return new AppendRefused({ streamId, reason: { _tag: "InvalidStreamId", issue } })
    }
    if (!isExpected(expected)) {
      const issue = "neither any, no stream, exists, nor exactly a whole number"
      return new AppendRefused({ streamId, reason: { _tag: "InvalidExpected", issue } })
    }
    if (named > MAX_STREAMS) {
      const reason: RefusalReason = { _tag: "TooManyStreams", count: named, limit: MAX_STREAMS }
      return new AppendRefused({ streamId, reason })
    }
    if (streams.has(streamId)) {
      return new AppendRefused({ streamId, reason: { _tag: "RepeatedStream" } })
    }
    streams.add(streamId)
  }
  const count = appends.reduce((sum, { events }) => sum + events.length, 0)
  for (const { events, streamId } of appends) {
    // The type says that there is one, and callers without types find out here.
    if (events.length === 0) return new AppendRefused({ streamId, reason: { _tag: "NoEvents" } })
    if (count > MAX_EVENTS) {
      const reason: RefusalReason = { _tag: "TooManyEvents", count, limit: MAX_EVENTS }
      return new AppendRefused({ streamId, reason })
    }
  }
  return undefined
}

const isStreamId = Schema.is(StreamId)
const isExpected = Schema.is(ExpectedRevision)
const isMetadata = Schema.is(EventMetadata)
const metadataFields = new Set(Object.keys(EventMetadata.fields))
const isEventId = Schema.is(EventId)
const isEventType = Schema.is(EventType)
const isSchemaVersion = Schema.is(SchemaVersion)

/** The first and the last millisecond of the years 0001 to 9999, which ISO 8601 and SQL both name. */
const MIN_OCCURRED_AT = -62_135_596_800_000
const MAX_OCCURRED_AT = 253_402_300_799_999

const encodeEvent = (
  event: NewEvent,
  index: number
): Result.Result<EncodedEvent, RefusalReason> => {
  const { id, schemaVersion, type } = event
  if (!isEventId(id)) return invalid(index, "id", "not a UUID in lower case")
  if (!isEventType(type)) return invalid(index, "type", "not an event type")
  if (!isSchemaVersion(schemaVersion)) {
    return invalid(index, "schemaVersion", "not a whole number from 1 to 32767")
  }
  const occurredAt = DateTime.toEpochMillis(event.occurredAt)
  if (!(occurredAt >= MIN_OCCURRED_AT && occurredAt <= MAX_OCCURRED_AT)) {
    return invalid(index, "occurredAt", "not in the years 0001 to 9999")
  }
  if (!Number.isInteger(occurredAt)) {
    return invalid(index, "occurredAt", "finer than a millisecond")
  }
  const data = encodeField(event.data, index, "data", MAX_DATA_BYTES)
  if (Result.isFailure(data)) return Result.fail(data.failure)
  const metadata = encodeField(event.metadata, index, "metadata", MAX_METADATA_BYTES)
  if (Result.isFailure(metadata)) return Result.fail(metadata.failure)
  // Readers trust what is stored, conflicts that carry it included.
  const unknown = Object.keys(event.metadata ?? {}).find((key) => !metadataFields.has(key))
  if (unknown !== undefined) {
    return invalid(index, "metadata", `${JSON.stringify(unknown)} belongs into "custom"`)
  }
  if (!isMetadata(event.metadata)) {
    return invalid(index, "metadata", "not of the shape of EventMetadata")
  }
  return Result.succeed({
    id,
    type,
    schemaVersion,
    data: data.success,
    metadata: metadata.success,
    occurredAt
  })
}

const invalid = (
  index: number,
  field: string,
  issue: string
): Result.Result<never, RefusalReason> => Result.fail({ _tag: "InvalidField", index, field, issue })

const encodeField = (
  value: unknown,
  index: number,
  field: "data" | "metadata",
  limit: number
): Result.Result<string, RefusalReason> =>
  Result.mapError(
    Json.encode(value, { maxBytes: limit, maxDepth: MAX_JSON_DEPTH }),
    (refused): RefusalReason =>
      refused._tag === "TooLarge"
        ? { _tag: "TooLarge", index, field, bytes: refused.bytes, limit }
        : { _tag: "NotJson", index, path: [field, ...refused.path].join("."), found: refused.found }
  )
