/**
 * Decides an append from the facts of a log: pure, and the same for every store that can look up
 * its facts synchronously, while no other append gets in between.
 *
 * The rules, in this order:
 *
 * 1. Events whose ids are those of one earlier append per stream are a repetition: the first
 *    answer is returned, whatever is expected, and nothing is written.
 * 2. Other events with recorded ids are refused: `EventIdConflict`.
 * 3. Every stream must be as expected: `WrongExpectedRevision`.
 * 4. No stream may grow past `MAX_REVISION`: `AppendRefused`.
 * 5. All events get one time: the clock's, but not before the last time of any of their streams.
 *
 * @since 0.1.0
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { EventId } from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import {
  type Append,
  type Appended,
  AppendRefused,
  EventIdConflict,
  MAX_BETWEEN,
  MAX_BETWEEN_BYTES,
  MAX_REVISION,
  WrongExpectedRevision
} from "../EventStore.ts"
import { type ExpectedRevision, isMet, type Unmet } from "../ExpectedRevision.ts"
import { encodeAppends } from "../internal/driver/encodeAppends.ts"
import type { EncodedAppend, WrittenEvent } from "./EventStoreDriver.ts"

/**
 * A recorded event as a store keeps it. Its JSON is text, so that readers can't alter it.
 *
 * @category types
 * @since 0.1.0
 */
export interface StoredEvent extends WrittenEvent {
  readonly streamId: StreamId.StreamId
  readonly category: StreamId.Category
  readonly revision: Revision
  readonly position: Position
  /** Milliseconds since the Unix epoch. */
  readonly recordedAt: number
  /** The first and the last revision of its append. */
  readonly appended: { readonly first: number; readonly last: number }
}

/**
 * The facts of a log that decide an append.
 *
 * @category types
 * @since 0.1.0
 */
export interface Facts {
  /** Returns the position of the last event of the log, 0 if there is none. */
  readonly head: () => Position
  /** Returns the event with this id. */
  readonly find: (id: EventId) => StoredEvent | undefined
  /** Returns the revision and the time of the last event of a stream. */
  readonly end: (
    streamId: StreamId.StreamId
  ) => { readonly revision: Revision; readonly recordedAt: number } | undefined
  /** Returns the event of a stream at a revision. */
  readonly at: (streamId: StreamId.StreamId, revision: Revision) => StoredEvent | undefined
  /** Returns the events of a stream after a revision, oldest first; at most `limit` are used. */
  readonly after: (
    streamId: StreamId.StreamId,
    revision: number,
    limit: number
  ) => Iterable<StoredEvent>
}

/**
 * The answer to an append, and the events to write before it is given.
 *
 * @category types
 * @since 0.1.0
 */
export interface Decision {
  /** One for each append, in their order. */
  readonly answers: Arr.NonEmptyReadonlyArray<Appended>
  /** Numbered and in the order of their positions; none for a repetition. */
  readonly events: ReadonlyArray<StoredEvent>
}

/**
 * Decides `appends` at the time `now`, in milliseconds since the Unix epoch, of which fractions are
 * cut.
 *
 * **Details**
 * Positions follow `head` without gaps. A store that writes the events in the same step as it
 * looked up the facts is atomic.
 *
 * @category operations
 * @since 0.1.0
 */
export const decide = (
  facts: Facts,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  now: number
): Result.Result<Decision, AppendRefused | EventIdConflict | WrongExpectedRevision> => {
  // Not empty: a call has at least one append besides its checks.
  const writes = appends.filter(
    ({ events }) => events.length > 0
  ) as Arr.NonEmptyArray<EncodedAppend>
  const isTaken = ({ events }: EncodedAppend) =>
    events.some(({ id }) => facts.find(id) !== undefined)
  if (writes.some(isTaken)) {
    const answers = writes.flatMap((append) => firstAnswer(facts, append) ?? [])
    return Arr.isReadonlyArrayNonEmpty(answers) && answers.length === writes.length
      ? Result.succeed({ answers, events: [] })
      : Result.fail(idConflict(facts, writes.filter(isTaken)))
  }
  const unmet = appends.flatMap((append, place) => unmetBy(facts, append, place) ?? [])
  if (Arr.isReadonlyArrayNonEmpty(unmet)) return Result.fail(wrongRevision(facts, unmet, appends))
  // Clocks of tests have fractions of a millisecond, and instants and marks have none.
  let recordedAt = Math.trunc(now)
  for (const { events, streamId } of writes) {
    const end = facts.end(streamId)
    const full = refuseFull(streamId, end?.revision ?? 0, events.length)
    if (full !== undefined) return Result.fail(full)
    // The clock may be set back.
    if (end !== undefined && end.recordedAt > recordedAt) recordedAt = end.recordedAt
  }
  return Result.succeed(numbered(facts, writes, recordedAt))
}

/**
 * Returns the refusal that `append` would get from every store, as far as it does not depend on the
 * contents of the store: for importers, which check a whole source before anything is written.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = (append: Append): Result.Result<void, AppendRefused> =>
  Result.map(encodeAppends([append], []), () => undefined)

/** Refuses `count` more events on a stream at the revision `actual` if they go past its end. */
const refuseFull = (
  streamId: StreamId.StreamId,
  actual: number,
  count: number
): AppendRefused | undefined =>
  actual <= MAX_REVISION - count
    ? undefined
    : new AppendRefused({
        streamId,
        reason: { _tag: "StreamFull", actual, count, limit: MAX_REVISION }
      })

/**
 * Returns the mark of an event; null if there is none.
 *
 * @category destructors
 * @since 0.1.0
 */
export const markOf = (stored: StoredEvent | undefined): EventMark.EventMark | null =>
  stored === undefined ? null : EventMark.at(stored.id, stored.recordedAt)

/**
 * Returns the event for readers, with its JSON parsed into fresh values.
 *
 * @category destructors
 * @since 0.1.0
 */
export const toRecorded = (stored: StoredEvent): RecordedEvent => ({
  id: stored.id,
  type: stored.type,
  schemaVersion: stored.schemaVersion,
  // The texts were encoded from values of the same types.
  data: JSON.parse(stored.data) as Schema.Json,
  metadata: JSON.parse(stored.metadata) as EventMetadata,
  occurredAt: DateTime.makeUnsafe(stored.occurredAt),
  streamId: stored.streamId,
  revision: stored.revision,
  position: stored.position,
  recordedAt: DateTime.makeUnsafe(stored.recordedAt)
})

/**
 * Returns the first answer if the ids are those of one earlier append to the stream, in their
 * order.
 */
const firstAnswer = (facts: Facts, { events, streamId }: EncodedAppend): Appended | undefined => {
  let last: StoredEvent | undefined
  for (const { id } of events) {
    const stored = facts.find(id)
    if (stored === undefined || stored.streamId !== streamId) return undefined
    // Appends to one stream differ in their first revision.
    const { first } = last?.appended ?? stored.appended
    if (stored.appended.first !== first) return undefined
    if (stored.revision !== (last === undefined ? first : last.revision + 1)) return undefined
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

const idConflict = (facts: Facts, taken: ReadonlyArray<EncodedAppend>): EventIdConflict =>
  new EventIdConflict({
    streamId: Arr.getUnsafe(taken, 0).streamId,
    recorded: taken
      .flatMap(({ events }) => events.flatMap(({ id }) => facts.find(id) ?? []))
      .map(({ id, revision, streamId }) => ({ eventId: id, streamId, revision }))
  })

/** Returns the stream of the append if it is not as expected. */
const unmetBy = (
  facts: Facts,
  { expected, lastEvent, streamId }: EncodedAppend,
  place: number
): Unmet | undefined => {
  // The log counts revisions itself, so the cast adds only the brand.
  const actual = facts.end(streamId)?.revision ?? (0 as Revision)
  const isMine = lastEvent === undefined || lastEvent === expectedEvent(facts, streamId, expected)
  return isMine && isMet(expected, actual) ? undefined : { place, streamId, expected, actual }
}

/** Returns the mark of the event at an exactly expected revision. */
const expectedEvent = (facts: Facts, streamId: StreamId.StreamId, expected: ExpectedRevision) =>
  expected._tag === "Exactly" ? markOf(facts.at(streamId, expected.revision)) : null

const wrongRevision = (
  facts: Facts,
  [first, ...others]: Arr.NonEmptyReadonlyArray<Unmet>,
  appends: ReadonlyArray<EncodedAppend>
): WrongExpectedRevision => {
  const { expected, place, streamId } = first
  const known = appends[place]?.lastEvent
  // The caller's state is of another history, so no event follows on it.
  if (known !== undefined && known !== expectedEvent(facts, streamId, expected)) {
    return new WrongExpectedRevision({ ...first, between: [], others })
  }
  // `Exists` fails only on a stream without events, so none follow.
  const past = expected._tag === "Exactly" ? expected.revision : 0
  const between: Array<RecordedEvent> = []
  let bytes = 0
  for (const stored of facts.after(streamId, past, MAX_BETWEEN)) {
    bytes += Buffer.byteLength(stored.data) + Buffer.byteLength(stored.metadata)
    if (bytes > MAX_BETWEEN_BYTES || between.length === MAX_BETWEEN) break
    between.push(toRecorded(stored))
  }
  return new WrongExpectedRevision({ ...first, between, others })
}

const numbered = (
  facts: Facts,
  writes: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  recordedAt: number
): Decision => {
  const stored: Array<StoredEvent> = []
  const time = DateTime.makeUnsafe(recordedAt)
  let position = facts.head()
  // No stream is named twice, so each is numbered from its current revision.
  const answers = Arr.map(writes, ({ events, streamId }): Appended => {
    const category = StreamId.category(streamId)
    let revision = facts.end(streamId)?.revision ?? (0 as Revision)
    const appended = { first: revision + 1, last: revision + events.length }
    for (const event of events) {
      // Counted here, so the casts add only the brands.
      revision = (revision + 1) as Revision
      position = (position + 1n) as Position
      stored.push({
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
        appended
      })
    }
    return { revision, position, recordedAt: time, repeated: false }
  })
  return { answers, events: stored }
}
