/**
 * Checks the options of reads, the same for every store.
 */
import { textOf } from "@daybook/kernel/Printable"
import { EventId } from "@daybook/kernel/EventId"
import { EventType } from "@daybook/kernel/NewEvent"
import { Position } from "@daybook/kernel/Position"
import { Category, StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Checkpoint, isCheckpoint } from "../../Checkpoint.ts"
import {
  InvalidReadOption,
  type ReadAllOptions,
  type ReadOptions,
  type StreamsOptions
} from "../../EventStore.ts"
import type { SubscribeOptions } from "../../Subscription.ts"

const isEventId = Schema.is(EventId)
const isEventType = Schema.is(EventType)
const isCategory = Schema.is(Category)
const isStreamId = Schema.is(StreamId)
const isPosition = Schema.is(Position)
const isWhole = Schema.is(Checkpoint)

/**
 * Returns the options if they are in range.
 *
 * **Details**
 * A type that no event can have is refused rather than never found, since stores differ in the
 * texts they can search for.
 */
export const readOptions = <Options extends ReadOptions & ReadAllOptions & SubscribeOptions>(
  options: Options,
  streamId: StreamId | undefined = options.streamId
): Result.Result<Options, InvalidReadOption> => {
  const { after, afterRevision, from, limit, recordedAt, to, types, until, upTo } = options
  const refused =
    refuseStream("streamId", streamId) ??
    (afterRevision !== undefined && streamId === undefined
      ? refuse("afterRevision", afterRevision, "a revision of a streamId that is given too")
      : refuseNumber("afterRevision", afterRevision)) ??
    refuseNumber("limit", limit) ??
    refuseNumber("from", from) ??
    refuseNumber("to", to) ??
    refuseInstant("until.occurredAt", until?.occurredAt) ??
    refuseInstant("until.recordedAt", until?.recordedAt) ??
    refuseInstant("recordedAt.after", recordedAt?.after) ??
    refuseInstant("recordedAt.upTo", recordedAt?.upTo) ??
    refusePosition("after", after) ??
    refusePosition("upTo", upTo)
  if (refused !== undefined) return Result.fail(refused)
  const unknown = types?.find((type) => !isEventType(type))
  return unknown === undefined
    ? Result.succeed(options)
    : Result.fail(refuse("types", unknown, "event types"))
}

/** Returns the options if they are in range. */
export const streamsOptions = (
  options: StreamsOptions
): Result.Result<StreamsOptions, InvalidReadOption> => {
  const { after, category, limit, prefix } = options
  const refused =
    refuseNumber("limit", limit) ??
    refuseStream("after", after) ??
    (category === undefined || isCategory(category)
      ? undefined
      : refuse("category", category, "a category")) ??
    (prefix === undefined || beginsStreamId(prefix)
      ? undefined
      : refuse("prefix", prefix, "the beginning of a stream id"))
  return refused === undefined ? Result.succeed(options) : Result.fail(refused)
}

/** Refuses an invalid checkpoint. A bare position is checked with the other options. */
export const validStart = (after: Position | Checkpoint): Result.Result<void, InvalidReadOption> =>
  !isCheckpoint(after) || isWhole(after)
    ? Result.void
    : Result.fail(refuse("after", after, "a position or a checkpoint"))

/** Returns the instant if it is valid. */
export const validInstant = (
  option: string,
  instant: DateTime.Utc
): Result.Result<DateTime.Utc, InvalidReadOption> => {
  const refused = refuseInstant(option, instant)
  return refused === undefined ? Result.succeed(instant) : Result.fail(refused)
}

/** Returns the id if it is valid. */
export const validStreamId = (streamId: StreamId): Result.Result<StreamId, InvalidReadOption> => {
  const refused = refuseStream("streamId", streamId)
  return refused === undefined ? Result.succeed(streamId) : Result.fail(refused)
}

const beginsStreamId = (prefix: unknown) =>
  typeof prefix === "string" &&
  (prefix === "" || isCategory(prefix) || isStreamId(prefix) || isStreamId(`${prefix}0`))

/** Returns the ids if all are valid. */
export const eventIds = (
  ids: ReadonlyArray<EventId>
): Result.Result<ReadonlyArray<EventId>, InvalidReadOption> => {
  const wrong = ids.find((id) => !isEventId(id))
  return wrong === undefined
    ? Result.succeed(ids)
    : Result.fail(refuse("ids", wrong, "UUIDs in lower case"))
}

const refuseNumber = (option: string, value: number | undefined) =>
  value === undefined || (Number.isSafeInteger(value) && value >= 0)
    ? undefined
    : refuse(option, value, "a whole number, 0 or more")

const refuseInstant = (option: string, value: DateTime.DateTime | undefined) =>
  value === undefined || DateTime.isDateTime(value)
    ? undefined
    : refuse(option, value, "an instant")

const refuseStream = (option: string, value: StreamId | undefined) =>
  value === undefined || isStreamId(value) ? undefined : refuse(option, value, "a stream id")

const refusePosition = (option: string, value: Position | undefined) =>
  value === undefined || isPosition(value)
    ? undefined
    : refuse(option, value, "a bigint from 0 to 2^63 - 1")

const refuse = (option: string, value: unknown, allowed: string) =>
  new InvalidReadOption({
    option,
    value: typeof value === "string" ? JSON.stringify(value) : textOf(value),
    allowed
  })
