/**
 * Refuses an append, or encodes it as JSON, before any store looks at its log.
 */
import { textOf } from "@daybook/kernel/Printable"
import * as CompiledSchema from "@daybook/kernel/CompiledSchema"
import { EventId } from "@daybook/kernel/EventId"
import { EventMark } from "@daybook/kernel/EventMark"
import { EventMetadata } from "@daybook/kernel/EventMetadata"
import { EventType, type NewEvent, SchemaVersion } from "@daybook/kernel/NewEvent"
import { isPassedOver } from "@daybook/kernel/PassedOver"
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
  MAX_STREAMS,
  type RefusalReason
} from "../../EventStore.ts"
import type { EncodedAppend, WrittenEvent } from "../../driver/EventStoreDriver.ts"
import { describe, ExpectedRevision } from "../../ExpectedRevision.ts"
import * as Json from "./json.ts"

/**
 * The first and the last millisecond of the years 0001 to 9999, which ISO 8601 and SQL both name.
 */
export const MIN_OCCURRED_AT = -62_135_596_800_000
export const MAX_OCCURRED_AT = 253_402_300_799_999

/** The totals over all appends of a call. */
interface Totals {
  /** The event ids so far, to find repeated ones. */
  readonly ids: Set<EventId>
  bytes: number
}

/**
 * Encodes the append, or refuses it.
 */
export const encodeAppend = (append: Append): Result.Result<EncodedAppend, AppendRefused> => {
  const { events, streamId } = append
  // The first refusal is the answer.
  const misnamed = refuseName(append) ?? refuseCount(streamId, events, events.length)
  if (misnamed !== undefined) return Result.fail(misnamed)
  return encodeEvents(append, { ids: new Set(), bytes: 0 })
}

/**
 * Encodes the appends, then the checks, each in its order; or refuses them all.
 */
export const encodeAppends = (
  appends: Arr.NonEmptyReadonlyArray<Append>,
  checks: ReadonlyArray<Check>
): Result.Result<Arr.NonEmptyReadonlyArray<EncodedAppend>, AppendRefused> => {
  const misshapen = refuseShape(appends, checks)
  if (misshapen !== undefined) return Result.fail(misshapen)
  const totals: Totals = { ids: new Set(), bytes: 0 }
  const encoded: Array<EncodedAppend> = []
  for (const append of appends) {
    const one = encodeEvents(append, totals)
    if (Result.isFailure(one)) return Result.fail(one.failure)
    encoded.push(one.success)
  }
  for (const { expected, streamId } of checks) encoded.push({ streamId, expected, events: [] })
  // One for each append and check, and there is at least one append.
  return Result.succeed(encoded as [EncodedAppend, ...Array<EncodedAppend>])
}

const encodeEvents = (
  { events, expected, lastEvent, streamId }: Append,
  totals: Totals
): Result.Result<EncodedAppend, AppendRefused> => {
  const encoded: Array<WrittenEvent> = []
  for (let index = 0; index < events.length; index++) {
    // `index` is below the length.
    const event = events[index] as NewEvent
    const one = encodeEvent(event, index, totals)
    if (Result.isFailure(one)) return refuse(streamId, one.failure)
    if (totals.ids.has(event.id)) {
      return refuse(streamId, { _tag: "RepeatedEventId", index, eventId: event.id })
    }
    totals.ids.add(event.id)
    if (totals.bytes > MAX_APPEND_BYTES) {
      const limit = MAX_APPEND_BYTES
      return refuse(streamId, { _tag: "AppendTooLarge", index, bytes: totals.bytes, limit })
    }
    encoded.push(one.success)
  }
  return Result.succeed(
    lastEvent === undefined
      ? { streamId, expected, events: encoded }
      : { streamId, expected, lastEvent, events: encoded }
  )
}

const refuse = (streamId: StreamId, reason: RefusalReason) =>
  Result.fail(new AppendRefused({ streamId, reason }))

/** Checks the counts and names, before any work on the events. */
const refuseShape = (
  appends: Arr.NonEmptyReadonlyArray<Append>,
  checks: ReadonlyArray<Check>
): AppendRefused | undefined => {
  // The type requires one; untyped callers are refused here.
  if (appends.length === 0) {
    return new AppendRefused({
      streamId: checks[0]?.streamId ?? "",
      reason: { _tag: "NoAppends" }
    })
  }
  const streams = new Set<string>()
  const named = appends.length + checks.length
  for (const one of [...appends, ...checks]) {
    const { streamId } = one
    const misnamed = refuseName(one)
    if (misnamed !== undefined) return misnamed
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
    const miscounted = refuseCount(streamId, events, count)
    if (miscounted !== undefined) return miscounted
  }
  return undefined
}

const refuseName = ({
  expected,
  lastEvent,
  streamId
}: Pick<Append, "expected" | "lastEvent" | "streamId">): AppendRefused | undefined => {
  if (!isStreamId(streamId)) {
    const issue = "not a stream id: a category, -, then 1 to 200 characters of Unicode"
    return new AppendRefused({
      streamId: textOf(streamId),
      reason: { _tag: "InvalidStreamId", issue }
    })
  }
  if (!isExpected(expected)) {
    const issue = "neither any, no stream, exists, nor exactly a whole number"
    return new AppendRefused({ streamId, reason: { _tag: "InvalidExpected", issue } })
  }
  if (lastEvent !== undefined && !isEventMark(lastEvent)) {
    const issue = "compared with a lastEvent that is not the mark of an event"
    return new AppendRefused({ streamId, reason: { _tag: "InvalidExpected", issue } })
  }
  if (lastEvent !== undefined && expected._tag !== "Exactly") {
    const issue = `${describe(expected)}, which has no last event to compare with lastEvent`
    return new AppendRefused({ streamId, reason: { _tag: "InvalidExpected", issue } })
  }
  return undefined
}

/** Refuses no events or too many. `count`: the events of all appends of the call. */
const refuseCount = (
  streamId: StreamId,
  events: Append["events"],
  count: number
): AppendRefused | undefined => {
  // The type requires one; untyped callers are refused here.
  if (events.length === 0) return new AppendRefused({ streamId, reason: { _tag: "NoEvents" } })
  if (count > MAX_EVENTS) {
    const reason: RefusalReason = { _tag: "TooManyEvents", count, limit: MAX_EVENTS }
    return new AppendRefused({ streamId, reason })
  }
  return undefined
}

const isStreamId = Schema.is(CompiledSchema.make(StreamId))
const isEventMark = Schema.is(CompiledSchema.make(EventMark))
const isExpected = Schema.is(CompiledSchema.make(ExpectedRevision))
const isMetadata = Schema.is(CompiledSchema.make(EventMetadata))
const metadataFields = new Set(Object.keys(EventMetadata.fields))
const isEventId = Schema.is(CompiledSchema.make(EventId))
const isEventType = Schema.is(CompiledSchema.make(EventType))
const isSchemaVersion = Schema.is(CompiledSchema.make(SchemaVersion))

/** Encodes an event and adds its size to the totals, or refuses it. */
const encodeEvent = (
  event: NewEvent,
  index: number,
  totals: Totals
): Result.Result<WrittenEvent, RefusalReason> => {
  const { id, schemaVersion, type } = event
  if (!isEventId(id)) return invalid(index, "id", "not a UUID in lower case")
  if (!isEventType(type)) return invalid(index, "type", "not an event type")
  if (isPassedOver(event)) return invalid(index, "type", "that of events that are passed over")
  if (!isSchemaVersion(schemaVersion)) {
    return invalid(index, "schemaVersion", "not a whole number from 1 to 32767")
  }
  if (!DateTime.isDateTime(event.occurredAt)) return invalid(index, "occurredAt", "not an instant")
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
  totals.bytes += data.success.bytes + metadata.success.bytes
  // Readers trust stored metadata, also in the events of a conflict, so its shape is checked here.
  // Empty metadata needs no check.
  if (metadata.success.text !== "{}") {
    const unknown = Object.keys(event.metadata ?? {}).find((key) => !metadataFields.has(key))
    if (unknown !== undefined) {
      return invalid(index, "metadata", `${JSON.stringify(unknown)} belongs into "custom"`)
    }
    if (!isMetadata(event.metadata)) {
      return invalid(index, "metadata", "not of the shape of EventMetadata")
    }
  }
  return Result.succeed({
    id,
    type,
    schemaVersion,
    data: data.success.text,
    metadata: metadata.success.text,
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
): Result.Result<Json.Encoded, RefusalReason> => {
  const encoded = Json.encode(value, { maxBytes: limit, maxDepth: MAX_JSON_DEPTH })
  if (Result.isSuccess(encoded)) return Result.succeed(encoded.success)
  const refused = encoded.failure
  return Result.fail(
    refused._tag === "TooLarge"
      ? { _tag: "TooLarge", index, field, bytes: refused.bytes, limit }
      : { _tag: "NotJson", index, path: [field, ...refused.path].join("."), found: refused.found }
  )
}
