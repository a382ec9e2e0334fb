/**
 * The log of the memory store: mutable arrays and their indexes, changed by `append` in one
 * synchronous step. So an append costs time for its own events only; copying the log would cost
 * time for all.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import * as PassedOver from "@daybook/kernel/PassedOver"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import {
  type Appended,
  type AppendRefused,
  type EventAddress,
  EventIdConflict,
  type EventStoreError,
  MAX_BETWEEN,
  MAX_BETWEEN_BYTES,
  WrongExpectedRevision
} from "../../EventStore.ts"
import type { ReadAllOptions, ReadOptions, Until } from "../../ReadOptions.ts"
import { type ExpectedRevision, isMet, type Unmet } from "../../ExpectedRevision.ts"
import type { PassOverRefused } from "../../PassOverRefused.ts"
import type { EncodedAppend, EncodedEvent } from "../driver/encodeAppends.ts"
import { type PassOver, refuseEvent, refuseMany, refuseWhy } from "../driver/passOver.ts"
import { refuseFull } from "../driver/refuseFull.ts"
import type { Filter } from "../driver/subscription.ts"

/** An event in the log. Its JSON is text, so that readers can't alter the stored values. */
export interface Stored extends EncodedEvent {
  readonly streamId: StreamId.StreamId
  readonly category: StreamId.Category
  readonly revision: Revision.Revision
  readonly position: Position.Position
  readonly recordedAt: number
  /** The first and the last revision of its append. */
  readonly appended: { readonly first: number; readonly last: number }
  /** True if readers pass over it. */
  readonly isPassedOver: boolean
}

/** A log in memory. Its positions count from 1 without gaps, so position p is `events[p - 1]`. */
export interface Log {
  readonly id: LogId
  readonly events: Array<Stored>
  readonly streams: Map<StreamId.StreamId, Array<Stored>>
  readonly ids: Map<EventId, Stored>
  /** The number of events after each append. */
  readonly ends: Array<number>
  /** The lowest time of recording of further events: a restore takes time. */
  earliest: number
}

export const empty = (id: LogId): Log => ({
  id,
  events: [],
  streams: new Map(),
  ids: new Map(),
  ends: [],
  earliest: -Infinity
})

/**
 * Resets the log to its contents at a position, or to those before an append that spans the
 * position, and returns the lost events.
 */
export const restore = (log: Log, upTo: Position.Position): ReadonlyArray<RecordedEvent> => {
  const end = log.ends.findLast((count) => count <= upTo) ?? 0
  const lost = log.events.splice(end)
  log.ends.splice(log.ends.lastIndexOf(end) + 1)
  for (const { id, recordedAt, revision, streamId } of lost) {
    log.earliest = Math.max(log.earliest, recordedAt + 1)
    log.ids.delete(id)
    const stream = log.streams.get(streamId)
    if (revision === 1) log.streams.delete(streamId)
    else if (stream !== undefined && stream.length >= revision) stream.splice(revision - 1)
  }
  return lost.map(toRecorded)
}

/** Makes readers pass over an event of the log from now on. */
export const passOver = (log: Log, given: PassOver): Result.Result<void, PassOverRefused> =>
  Result.gen(function* () {
    yield* refuseWhy(given)
    const stored = log.events[Number(given.position) - 1]
    yield* refuseEvent(given, stored?.id)
    if (stored === undefined || stored.isPassedOver) return
    yield* refuseMany(given.position, log.events.filter((event) => event.isPassedOver).length)
    const passed = { ...stored, isPassedOver: true }
    log.ids.set(stored.id, passed)
    log.events[Number(stored.position) - 1] = passed
    const stream = log.streams.get(stored.streamId)
    if (stream !== undefined) stream[stored.revision - 1] = passed
  })

/** Takes the events to be recorded, and returns the function to run with the write, or an error. */
export type BeforeCommit = (
  recorded: ReadonlyArray<RecordedEvent>
) => Result.Result<() => void, EventStoreError>

/**
 * Writes all appends, or none, and returns the last revision and position of each.
 *
 * The clock may be set back, so their time is the latest of `now` and the last times of their
 * streams.
 */
export const append = (
  log: Log,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  now: number,
  beforeCommit?: BeforeCommit
): Result.Result<
  Arr.NonEmptyReadonlyArray<Appended>,
  AppendRefused | EventIdConflict | WrongExpectedRevision | EventStoreError
> => {
  // Not empty: a call has at least one append besides its checks.
  const writes = appends.filter(
    ({ events }) => events.length > 0
  ) as Arr.NonEmptyArray<EncodedAppend>
  if (writes.some(({ events }) => events.some(({ id }) => log.ids.has(id)))) {
    const repeated = writes.flatMap((append) => firstAnswer(log, append) ?? [])
    if (Arr.isReadonlyArrayNonEmpty(repeated) && repeated.length === writes.length) {
      return Result.succeed(repeated)
    }
    const taken = writes.filter(({ events }) => events.some(({ id }) => log.ids.has(id)))
    const recorded = taken.flatMap(({ events }) =>
      events.flatMap(({ id }) => log.ids.get(id) ?? [])
    )
    return Result.fail(idConflict(Arr.getUnsafe(taken, 0).streamId, recorded))
  }
  const unmet = appends.flatMap(
    ({ expected, lastEvent, streamId }, place): ReadonlyArray<Unmet> => {
      const stream = streamOf(log, streamId)
      const actual = revisionOf(stream)
      const isMine =
        lastEvent === undefined || lastEvent === markOf(expectedEvent(stream, expected))
      return isMine && isMet(expected, actual) ? [] : [{ place, streamId, expected, actual }]
    }
  )
  if (Arr.isReadonlyArrayNonEmpty(unmet)) {
    return Result.fail(wrongExpectedRevision(log, unmet, appends))
  }
  for (const { events, streamId } of writes) {
    const full = refuseFull(streamId, revisionOf(streamOf(log, streamId)), events.length)
    if (full !== undefined) return Result.fail(full)
  }
  const recordedAt = writes.reduce(
    (time, { streamId }) => Math.max(time, log.streams.get(streamId)?.at(-1)?.recordedAt ?? time),
    Math.max(now, log.earliest)
  )
  const writeAll = () => {
    const appended = Arr.map(writes, (append) => write(log, append, recordedAt))
    log.ends.push(log.events.length)
    return appended
  }
  if (beforeCommit === undefined) return Result.succeed(writeAll())
  return Result.map(beforeCommit(numbered(log, writes, recordedAt).map(toRecorded)), (commit) => {
    const appended = writeAll()
    commit()
    return appended
  })
}

const streamOf = (log: Log, streamId: StreamId.StreamId): ReadonlyArray<Stored> =>
  log.streams.get(streamId) ?? []

/**
 * Returns the first answer if the ids are those of one earlier append to the stream, in their
 * order.
 */
const firstAnswer = (log: Log, { events, streamId }: EncodedAppend): Appended | undefined => {
  let last: Stored | undefined
  for (const { id } of events) {
    const stored = log.ids.get(id)
    if (stored === undefined || stored.streamId !== streamId) return undefined
    const expected = last === undefined ? stored.appended.first : last.revision + 1
    if (stored.revision !== expected) return undefined
    if (last !== undefined && last.appended !== stored.appended) return undefined
    last = stored
  }
  return last?.revision === last?.appended.last
    ? last && {
        revision: last.revision,
        position: last.position,
        recordedAt: DateTime.makeUnsafe(last.recordedAt),
        repeated: true
      }
    : undefined
}

/** Returns the events that `write` would write. */
const numbered = (
  log: Log,
  appends: ReadonlyArray<EncodedAppend>,
  recordedAt: number
): ReadonlyArray<Stored> => {
  let count = log.events.length
  // No stream is named twice, so each is numbered from its current length.
  return appends.flatMap(({ events, streamId }) => {
    const category = StreamId.category(streamId)
    const { length } = streamOf(log, streamId)
    const appended = { first: length + 1, last: length + events.length }
    return events.map((event, index): Stored => ({
      ...event,
      streamId,
      category,
      revision: Revision.make(length + index + 1),
      position: Position.make(BigInt(++count)),
      recordedAt,
      appended,
      isPassedOver: false
    }))
  })
}

const write = (log: Log, { events, streamId }: EncodedAppend, recordedAt: number): Appended => {
  const category = StreamId.category(streamId)
  const stream = log.streams.get(streamId) ?? []
  log.streams.set(streamId, stream)
  const appended = { first: stream.length + 1, last: stream.length + events.length }
  for (const event of events) {
    // The log counts revisions and positions itself, so the casts add only the brands.
    const revision = (stream.length + 1) as Revision.Revision
    const position = BigInt(log.events.length + 1) as Position.Position
    const stored: Stored = {
      id: event.id,
      type: event.type,
      schemaVersion: event.schemaVersion,
      data: event.data,
      metadata: event.metadata,
      occurredAt: event.occurredAt,
      streamId,
      category,
      revision,
      position,
      recordedAt,
      appended,
      isPassedOver: false
    }
    log.events.push(stored)
    stream.push(stored)
    log.ids.set(stored.id, stored)
  }
  const position = BigInt(log.events.length) as Position.Position
  return {
    revision: revisionOf(stream),
    position,
    recordedAt: DateTime.makeUnsafe(recordedAt),
    repeated: false
  }
}

const revisionOf = (stream: ReadonlyArray<Stored>) => stream.length as Revision.Revision

const idConflict = (streamId: StreamId.StreamId, recorded: ReadonlyArray<Stored>) =>
  new EventIdConflict({
    streamId,
    recorded: recorded.map(addressOf)
  })

const addressOf = ({ id, revision, streamId }: Stored): EventAddress => ({
  eventId: id,
  streamId,
  revision
})

/** Returns the mark of an event, if there is one. */
export const markOf = (stored: Stored | undefined): EventMark.EventMark | undefined =>
  stored && EventMark.at(stored.id, stored.recordedAt)

/** Returns the event at an exactly expected revision. */
const expectedEvent = (stream: ReadonlyArray<Stored>, expected: ExpectedRevision) =>
  expected._tag === "Exactly" ? stream[expected.revision - 1] : undefined

const wrongExpectedRevision = (
  log: Log,
  [first, ...others]: Arr.NonEmptyReadonlyArray<Unmet>,
  appends: ReadonlyArray<EncodedAppend>
) => {
  const { expected, place, streamId } = first
  const stream = streamOf(log, streamId)
  const known = appends[place]?.lastEvent
  // The caller's state is of another history, so no event follows on it.
  if (known !== undefined && known !== markOf(expectedEvent(stream, expected))) {
    return new WrongExpectedRevision({ ...first, between: [], others })
  }
  // `Exists` fails only on a stream without events, so none follow.
  const past = expected._tag === "Exactly" ? expected.revision : 0
  const between: Array<RecordedEvent> = []
  let bytes = 0
  for (const stored of stream.slice(past, past + MAX_BETWEEN)) {
    bytes += Buffer.byteLength(stored.data) + Buffer.byteLength(stored.metadata)
    if (bytes > MAX_BETWEEN_BYTES) break
    between.push(toRecorded(stored))
  }
  return new WrongExpectedRevision({ ...first, between, others })
}

/** Returns the addresses of the events with these ids. */
export const find = (log: Log, ids: ReadonlyArray<EventId>): ReadonlyArray<EventAddress> =>
  ids.flatMap((id) => {
    const stored = log.ids.get(id)
    return stored === undefined ? [] : [addressOf(stored)]
  })

/** Some events and, unless they are the last, a function that reads the next page. */
export interface Page {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly next: (() => Page) | undefined
}

/**
 * Reads the first page of a stream's current events.
 */
export const readStream = (log: Log, streamId: StreamId.StreamId, options: ReadOptions): Page => {
  const events = log.streams.get(streamId) ?? []
  const length = options.until === undefined ? events.length : prefixLength(events, options.until)
  return page({
    events,
    from: Math.max(options.from ?? 0, 1) - 1,
    to: Math.min(options.to ?? length, length),
    backward: options.direction === "backward",
    limit: options.limit ?? Number.POSITIVE_INFINITY,
    matches: matching(options)
  })
}

/** Counts the events before the first that is later than the instant. */
export const prefixLength = (events: ReadonlyArray<Stored>, until: Until): number => {
  const later =
    until.recordedAt === undefined
      ? laterThan("occurredAt", until.occurredAt)
      : laterThan("recordedAt", until.recordedAt)
  const index = events.findIndex(later)
  return index === -1 ? events.length : index
}

const laterThan = (field: "occurredAt" | "recordedAt", instant: DateTime.Utc) => {
  const millis = DateTime.toEpochMillis(instant)
  return (event: Stored) => event[field] > millis
}

/**
 * Reads the first page of the log's current events.
 */
export const readAll = (log: Log, options: ReadAllOptions): Page => {
  const { events } = log
  const { after, upTo } = options.recordedAt ?? {}
  const least = after === undefined ? 0 : prefixLength(events, { recordedAt: after })
  const most = upTo === undefined ? events.length : prefixLength(events, { recordedAt: upTo })
  return page({
    events,
    from: Math.max(least, countUpTo(events, options.after ?? Position.start)),
    to: options.upTo === undefined ? most : Math.min(most, countUpTo(events, options.upTo)),
    backward: options.direction === "backward",
    limit: options.limit ?? Number.POSITIVE_INFINITY,
    matches: matching(options)
  })
}

/** Returns a predicate for the events of the given categories and types. */
export const matching = (options: Pick<Filter, "categories" | "types">) => {
  const categories = options.categories && new Set(options.categories)
  const types = options.types && new Set(options.types)
  return ({ category, isPassedOver, type }: Stored): boolean =>
    (categories === undefined || categories.has(category)) &&
    // Readers see an event that is passed over without its type.
    (types === undefined || (types.has(type) && !isPassedOver))
}

/** Counts the events of the log up to a position. */
export const countUpTo = (events: ReadonlyArray<Stored>, position: Position.Position): number =>
  Math.min(Number(position), events.length)

/** The events left to read: the indexes of `events` from `from`, inclusive, to `to`, exclusive. */
interface Span {
  readonly events: ReadonlyArray<Stored>
  readonly from: number
  readonly to: number
  readonly backward: boolean
  readonly limit: number
  readonly matches: (event: Stored) => boolean
}

/**
 * The number of events that one page examines: it bounds a reader's memory and its synchronous
 * work.
 */
export const PAGE_SIZE = 256

const page = (span: Span): Page => {
  const size = Math.min(PAGE_SIZE, Math.max(span.to - span.from, 0))
  const seen = span.backward
    ? span.events.slice(span.to - size, span.to).reverse()
    : span.events.slice(span.from, span.from + size)
  const events = seen.filter(span.matches).slice(0, span.limit).map(toRecorded)
  const rest: Span = {
    ...span,
    ...(span.backward ? { to: span.to - size } : { from: span.from + size }),
    limit: span.limit - events.length
  }
  return { events, next: rest.from < rest.to && rest.limit > 0 ? () => page(rest) : undefined }
}

/** Returns the event with its JSON parsed into fresh values. */
export const toRecorded = (stored: Stored): RecordedEvent => ({
  id: stored.id,
  type: stored.isPassedOver ? PassedOver.TYPE : stored.type,
  schemaVersion: stored.isPassedOver ? 1 : stored.schemaVersion,
  // The texts are what `encodeAppends` wrote from values of the same types.
  data: stored.isPassedOver ? {} : (JSON.parse(stored.data) as Schema.Json),
  metadata: stored.isPassedOver ? {} : (JSON.parse(stored.metadata) as EventMetadata),
  occurredAt: DateTime.makeUnsafe(stored.occurredAt),
  streamId: stored.streamId,
  revision: stored.revision,
  position: stored.position,
  recordedAt: DateTime.makeUnsafe(stored.recordedAt)
})
