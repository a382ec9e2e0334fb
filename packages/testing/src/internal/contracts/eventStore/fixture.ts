/**
 * The events and comparisons that the cases of the event store suite use.
 *
 * Every case has its own categories, so the store may hold other events and receive more.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { AppendRefused, EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import type * as Contract from "../cases.ts"

/** The cases of the contract; each runs in a scope of its own. */
export type Cases = Contract.Cases<EventStore | Scope.Scope>

export const inParallel = { concurrency: "unbounded" } as const

export const freshId = (): EventId.EventId => EventId.make(SecureRandom.uuidV4Unsafe())

export const freshCategory = (): StreamId.Category =>
  StreamId.Category.make(`suite_${SecureRandom.uuidV4Unsafe().replaceAll("-", "_")}`)

export const streamOf = (category: StreamId.Category, id: string): StreamId.StreamId =>
  Result.getOrThrow(StreamId.make(category, id))

export const freshStream = (): StreamId.StreamId => streamOf(freshCategory(), "1")

/** The instant `seconds` seconds after an arbitrary one. */
export const second = (seconds: number): DateTime.Utc =>
  DateTime.makeUnsafe(Date.UTC(2024, 1, 29, 23, 59, 0) + seconds * 1_000)

export const newEvent = (fields?: Partial<NewEvent>): NewEvent => ({
  id: freshId(),
  type: "Happened",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: second(0),
  ...fields
})

export const newEvents = (count: number): Arr.NonEmptyArray<NewEvent> =>
  Arr.makeBy(count, (n) => newEvent({ data: { n } }))

/** Appends any number of events to the end of a stream, at any revision. */
export const fill = Effect.fnUntraced(function* (
  streamId: StreamId.StreamId,
  events: ReadonlyArray<NewEvent>
) {
  const store = yield* EventStore
  for (const chunk of Arr.chunksOf(events, 1_000)) {
    yield* store.append({ streamId, expected: ExpectedRevision.any, events: chunk })
  }
})

export const readStream = Effect.fnUntraced(function* (streamId: StreamId.StreamId) {
  const store = yield* EventStore
  return yield* Stream.runCollect(store.read(streamId))
})

/** Reads the first event of a stream, which must exist. */
export const readFirst = (streamId: StreamId.StreamId) =>
  Effect.map(readStream(streamId), (events) => Arr.getUnsafe(events, 0))

/** Reads the last event of a stream, which must exist. */
export const readLast = (streamId: StreamId.StreamId) =>
  Effect.map(readStream(streamId), (events) => Arr.getUnsafe(events, events.length - 1))

/**
 * Reads all events of some categories in position order, once there are `count` of them.
 *
 * Open appends of others may delay the answer of `readAll`, but only for a short time.
 */
export const readCategories = Effect.fnUntraced(function* (
  count: number,
  ...categories: ReadonlyArray<StreamId.Category>
) {
  const store = yield* EventStore
  const read = Stream.runCollect(store.readAll({ categories }))
  let events = yield* read
  for (let attempt = 1; events.length < count && attempt < 1_000; attempt++) {
    yield* Effect.yieldNow
    events = yield* read
  }
  return events
})

/** Returns the store's refusal of an append whose second event is `event`. */
export const refusalOf = Effect.fnUntraced(function* (event: NewEvent) {
  const store = yield* EventStore
  const streamId = freshStream()
  const error = yield* Effect.flip(
    store.append({ streamId, expected: ExpectedRevision.any, events: [newEvent(), event] })
  )
  assert.instanceOf(error, AppendRefused)
  assert.strictEqual(error.streamId, streamId)
  assert.lengthOf(yield* readStream(streamId), 0)
  return error.reason
})

export const ids = (events: ReadonlyArray<{ readonly id: EventId.EventId }>) =>
  events.map((event) => event.id)

export const revisions = (events: ReadonlyArray<RecordedEvent>) =>
  events.map((event) => event.revision)

export const revision = Revision.make

export const increases = (events: ReadonlyArray<RecordedEvent>): boolean =>
  events.every(
    (event, index) => index === 0 || Arr.getUnsafe(events, index - 1).position < event.position
  )

/**
 * Converts the instants of an event to numbers, because a `DateTime` may carry values that it has
 * computed.
 */
export const comparable = (event: RecordedEvent) => ({
  ...event,
  occurredAt: DateTime.toEpochMillis(event.occurredAt),
  recordedAt: DateTime.toEpochMillis(event.recordedAt)
})
