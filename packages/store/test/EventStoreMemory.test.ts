import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as LogId from "@daybook/kernel/LogId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import {
  type Append,
  AppendRefused,
  EventStore,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Checkpoint from "@daybook/store/Checkpoint"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as Law from "@daybook/testing/Law"
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Log from "../src/internal/memory/log.ts"

LawSuite.suite("EventStoreMemory", EventStoreLaws.laws, EventStoreMemory.layer)

it.effect("cuts a stream by the time of the Clock at each append", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const streamId = Result.getOrThrow(StreamId.fromString("order-1"))
    const occurredAt = DateTime.makeUnsafe(0)
    for (const seconds of [10, 20, 10, 30]) {
      yield* TestClock.setTime(seconds * 1_000)
      const id = EventId.make(SecureRandom.uuidV4Unsafe())
      const event = { id, type: "A", schemaVersion: 1, data: {}, metadata: {}, occurredAt }
      yield* store.append({ streamId, expected: ExpectedRevision.any, events: [event] })
    }
    for (const [seconds, count] of [
      [9, 0],
      [10, 1],
      [19, 1],
      [20, 3],
      [30, 4]
    ] as const) {
      const until = { recordedAt: DateTime.makeUnsafe(seconds * 1_000) }
      assert.strictEqual(yield* Stream.runCount(store.read(streamId, { until })), count)
    }
  })
)

it.effect("records whole milliseconds, though its clock has fractions", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    yield* TestClock.setTime(1.5)
    const appended = yield* store.append({
      streamId: fresh("order-1"),
      expected: ExpectedRevision.any,
      events: [
        {
          id: EventId.make("00000000-0000-4000-8000-000000000001"),
          type: "A",
          schemaVersion: 1,
          data: {},
          metadata: {},
          occurredAt: DateTime.makeUnsafe(0)
        }
      ]
    })
    assert.strictEqual(DateTime.toEpochMillis(appended.recordedAt), 1)
    const { event } = yield* store.checkpoint
    assert.strictEqual(event, "00000000-0000-4000-8000-000000000001@1")
    const [page] = yield* Stream.runCollect(Stream.take(store.subscribePages(), 1))
    assert.strictEqual(page?.checkpoint.event, event)
  })
)

it.effect("records no event before the one that it follows, though its clock is set back", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const [one, two] = [fresh("order-1"), fresh("order-2")]
    const event = () => ({
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      type: "A",
      schemaVersion: 1,
      data: {},
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    })
    const { any } = ExpectedRevision
    yield* TestClock.setTime(20_000)
    yield* store.append({ streamId: one, expected: any, events: [event()] })
    yield* TestClock.setTime(10_000)
    yield* store.append({ streamId: one, expected: any, events: [event(), event()] })
    yield* store.append({ streamId: two, expected: any, events: [event()] })
    yield* store.appendAll({
      appends: [
        { streamId: two, expected: any, events: [event()] },
        { streamId: one, expected: any, events: [event()] }
      ]
    })
    yield* TestClock.setTime(30_000)
    yield* store.append({ streamId: two, expected: any, events: [event()] })
    const times = (streamId: StreamId.StreamId) =>
      Effect.map(Stream.runCollect(store.read(streamId)), (events) =>
        events.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt) / 1_000)
      )
    assert.deepStrictEqual(yield* times(one), [20, 20, 20, 20])
    assert.deepStrictEqual(yield* times(two), [10, 20, 30])
  })
)

it("refuses events past the last revision of a stream", () => {
  const log = Log.empty(LogId.make("6f0f3c2e-0000-4000-8000-000000000001"))
  const [one, two] = [fresh("order-1"), fresh("order-2")]
  // A fake length: an array of that many events does not fit in the memory of any process.
  const events: Array<never> = []
  events.length = 2_147_483_646
  log.streams.set(one, events)
  const append = (streamId: StreamId.StreamId, count: number) => ({
    streamId,
    expected: ExpectedRevision.any,
    events: Arr.makeBy(count, () => ({
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      type: "A",
      schemaVersion: 1,
      data: "{}",
      metadata: "{}",
      occurredAt: 0
    }))
  })
  const refused = Log.append(log, [append(two, 1), append(one, 2)], 0)
  assert.isTrue(Result.isFailure(refused) && refused.failure instanceof AppendRefused)
  if (Result.isSuccess(refused) || !(refused.failure instanceof AppendRefused)) return
  assert.strictEqual(refused.failure.streamId, one)
  assert.deepStrictEqual(refused.failure.reason, {
    _tag: "StreamFull",
    actual: 2_147_483_646,
    count: 2,
    limit: 2_147_483_647
  })
  assert.strictEqual(log.events.length, 0)
  const last = Log.append(log, [append(one, 1)], 0)
  assert.strictEqual(Result.getOrThrow(last)[0].revision, 2_147_483_647)
})

type Store = EventStore["Service"]

const fresh = (id: string) => Result.getOrThrow(StreamId.fromString(id))

/** The memory store with some of its methods broken. */
const broken = (breakIt: (store: Store) => Partial<Store>): Layer.Layer<EventStore> =>
  Layer.effect(
    EventStore,
    Effect.map(EventStoreMemory.make, (store) => ({ ...store, ...breakIt(store) }))
  )

const revisionOf = (store: Store, streamId: Append["streamId"]) =>
  Effect.orDie(Effect.map(Stream.runCount(store.read(streamId)), Revision.make))

/** Another fiber may append between the check and the write. */
const checksThenWrites = broken((store) => ({
  append: Effect.fnUntraced(function* (append) {
    const { expected, streamId } = append
    const actual = yield* revisionOf(store, streamId)
    if (!ExpectedRevision.isMet(expected, actual)) {
      return yield* new WrongExpectedRevision({ streamId, expected, actual, between: [] })
    }
    yield* Effect.yieldNow
    return yield* store.append({ ...append, expected: ExpectedRevision.any })
  })
}))

/** Two appends may take the same revision, and the later one is lost silently. */
const overwrites = broken((store) => ({
  append: Effect.fnUntraced(function* (append) {
    const before = yield* revisionOf(store, append.streamId)
    yield* Effect.yieldNow
    const actual = yield* revisionOf(store, append.streamId)
    if (actual === before) return yield* store.append(append)
    const latest = store.read(append.streamId, { direction: "backward", limit: 1 })
    const last = yield* Effect.orDie(Stream.runHead(latest))
    const { position, recordedAt, revision } = Option.getOrThrow(last)
    return { revision, position, recordedAt, repeated: false }
  })
}))

/** Each stream is written on its own, so some may be written when the next is refused. */
const insertsHalf = broken((store) => ({
  appendAll: ({ appends }) => Effect.forEach(appends, store.append)
}))

/** The caller sees the whole append, but other fibers see it grow. */
const showsHalf = broken((store) => ({
  appendAll: Effect.fnUntraced(function* ({ appends }) {
    const answers = yield* Effect.forEach(appends, (append) =>
      Effect.andThen(Effect.yieldNow, store.append({ ...append, expected: ExpectedRevision.any }))
    )
    return answers
  })
}))

/** Ids that are drawn for each attempt reveal no repetition. */
const ignoresIds = broken((store) => {
  const withFreshIds = (append: Append): Append => ({
    ...append,
    expected: ExpectedRevision.any,
    events: Arr.map(append.events, (event) => ({
      ...event,
      id: EventId.make(SecureRandom.uuidV4Unsafe())
    }))
  })
  return {
    append: (append) => Effect.suspend(() => store.append(withFreshIds(append))),
    appendAll: ({ appends }) =>
      Effect.suspend(() => store.appendAll({ appends: Arr.map(appends, withFreshIds) }))
  }
})

/** Positions are drawn before the events can be seen, and readers do not wait for them. */
const commitsLate = broken((store) => {
  const uncommitted = new Set<string>()
  let appends = 0
  return {
    append: Effect.fnUntraced(function* (append) {
      for (const { id } of append.events) uncommitted.add(id)
      const appended = yield* store.append(append)
      const turns = ++appends % 7
      for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
      for (const { id } of append.events) uncommitted.delete(id)
      return appended
    }),
    readAll: ({ limit, ...options } = {}) =>
      store.readAll(options).pipe(
        Stream.filter(({ id }) => !uncommitted.has(id)),
        Stream.take(limit ?? Number.POSITIVE_INFINITY)
      )
  }
})

/** The newest event is withheld, though other events of its append are shown. */
const endsAnywhere = broken((store) => ({
  readAll: ({ limit = 1_000, ...options } = {}) =>
    store.readAll({ ...options, limit: limit + 1 }).pipe(Stream.drop(1))
}))

/** Events appended between the last recorded event and the first live one are never emitted. */
const losesHandOver = broken((store) => ({
  subscribePages: ({ after: from = Position.start, ...filter } = {}) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const options = { ...filter, after: Checkpoint.position(from) }
        const events = yield* Stream.runCollect(store.readAll(options))
        const checkpoint = yield* store.checkpoint
        const after = events.at(-1)?.position ?? Position.start
        const recorded =
          events.length === 0
            ? Stream.empty
            : Stream.make({
                events,
                position: after,
                checkpoint: { ...checkpoint, position: after }
              })
        const live = Stream.unwrap(
          Effect.gen(function* () {
            yield* Effect.yieldNow
            const newest = store.readAll({ direction: "backward", limit: 1 })
            const now = yield* Stream.runHead(newest)
            const from = Option.match(now, { onNone: () => after, onSome: (last) => last.position })
            return store.subscribePages({ ...options, after: from })
          })
        )
        return Stream.concat(recorded, live)
      })
    )
}))

/** The position of a page is its first event's, as if each page had only one event. */
const givesTwice = broken((store) => ({
  subscribePages: (options) =>
    Stream.map(store.subscribePages(options), ({ checkpoint, events, position }) => ({
      checkpoint,
      events,
      position: events[0]?.position ?? position
    }))
}))

/** The position is the end of the log, even when the page ends earlier. */
const claimsTooMuch = broken((store) => ({
  subscribePages: (options) =>
    Stream.mapEffect(store.subscribePages(options), (page) =>
      Effect.gen(function* () {
        yield* Effect.yieldNow
        const last = yield* Stream.runHead(store.readAll({ direction: "backward", limit: 1 }))
        return { ...page, position: Option.getOrElse(last, () => page).position }
      })
    )
}))

/** Passes JSON through JSON.stringify and back, and changes each value on the way. */
const reviveJson = (json: Schema.Json, revive: (value: unknown) => unknown): Schema.Json => {
  const revived = JSON.parse(JSON.stringify({ json }), (_, value: unknown) => revive(value)) as {
    readonly json: Schema.Json
  }
  return revived.json
}

/** The result of JSON.stringify is stored, whatever it left out or changed. */
const trustsStringify = broken((store) => ({
  append: (append) =>
    store.append({
      ...append,
      events: Arr.map(append.events, (event) => ({
        ...event,
        data: reviveJson(event.data, (value) => value) ?? null
      }))
    })
}))

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)

/** Sorts keys as PostgreSQL's jsonb does. */
const sortsKeys = broken((store) => ({
  read: (streamId, options) =>
    Stream.map(store.read(streamId, options), (event) => ({
      ...event,
      data: reviveJson(event.data, (value) =>
        Predicate.isObject(value)
          ? Object.fromEntries(Object.entries(value).toSorted(byKey))
          : value
      )
    }))
}))

/** Changes the time of each event as it is read. */
const timed = (store: Store, later: (event: RecordedEvent) => number) => {
  const at = (event: RecordedEvent) => ({
    ...event,
    recordedAt: DateTime.makeUnsafe(event.recordedAt.epochMilliseconds + later(event))
  })
  return {
    read: (...[streamId, options]: Parameters<Store["read"]>) => {
      const { until, ...rest } = options ?? {}
      const limit = until?.recordedAt
      return Stream.map(store.read(streamId, rest), at).pipe(
        Stream.takeWhile(
          ({ recordedAt }) =>
            limit === undefined || recordedAt.epochMilliseconds <= limit.epochMilliseconds
        )
      )
    },
    readAll: (...options: Parameters<Store["readAll"]>) => Stream.map(store.readAll(...options), at)
  }
}

/** Like a statement that reads the clock for each row. */
const timesEachEvent = broken((store) => timed(store, ({ revision }) => Math.floor(revision / 100)))

/** Like a statement that reads the clock for each stream of an appendAll. */
const timesEachStream = broken((store) =>
  timed(store, ({ streamId }) => (streamId.endsWith("7") ? 1 : 0))
)

/** The clock goes back from one append to the next. */
const timesBackwards = broken((store) => {
  const appends = new Map<string, number>()
  return {
    ...timed(store, ({ id }) => -(appends.get(id) ?? 0)),
    append: (append) =>
      Effect.suspend(() => {
        const nth = appends.size
        for (const { id } of append.events) appends.set(id, nth)
        return store.append(append)
      })
  }
})

describe("The laws of event stores catch a store that", () => {
  for (const [name, store, law, problem] of [
    [
      "checks and writes in two steps",
      checksThenWrites,
      "appends in parallel: one of the appends with the same exact expectation wins",
      "one append wins"
    ],
    [
      "loses appends to a race",
      overwrites,
      "appends in parallel: all appends that expect any revision are stored, without gaps",
      "without gaps"
    ],
    [
      "writes a refused append in part",
      insertsHalf,
      "appends in parallel: appends over crossed streams are visible wholly or not at all",
      "all of it"
    ],
    [
      "shows an append in part",
      showsHalf,
      "appends in parallel: appends over crossed streams are visible wholly or not at all",
      "all of it is seen or none"
    ],
    [
      "ends its log in the middle of an append",
      endsAnywhere,
      "readers while others append: the newest event of the log is always the last one of an append",
      "seen whole"
    ],
    [
      "takes a time for each event",
      timesEachEvent,
      "times of appends: each append has one time, which never goes back along a stream",
      "an append has one time"
    ],
    [
      "takes a time for each stream",
      timesEachStream,
      "times of appends: each append has one time, which never goes back along a stream",
      "an appendAll has one time"
    ],
    [
      "lets time go back",
      timesBackwards,
      "times of appends: each append has one time, which never goes back along a stream",
      "time does not go back"
    ],
    [
      "ignores the ids of events",
      ignoresIds,
      "appends in parallel: an append that is made several times happens once",
      "has its first answer"
    ],
    [
      "numbers events long before they are visible",
      commitsLate,
      "readers while others append: readers that page by position miss nothing",
      "misses"
    ],
    [
      "loses events at the hand-over from recorded to live ones",
      losesHandOver,
      "subscribe: emits each event once and in order, whenever a subscriber starts",
      "each event once"
    ],
    [
      "reports an earlier position than its page reached",
      givesTwice,
      "subscribe: emits each event once and in order, whenever a subscriber starts",
      "each event once"
    ],
    [
      "reports a later position than its page reached",
      claimsTooMuch,
      "subscribe: emits each event once and in order, whenever a subscriber starts",
      "each event once"
    ],
    [
      "leaves JSON to JSON.stringify",
      trustsStringify,
      "JSON: is refused when it can't come back unchanged",
      "undefined"
    ],
    [
      "sorts keys",
      sortsKeys,
      "JSON: comes back unchanged, down to the order of keys",
      "the order of keys"
    ]
  ] as const) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const named = EventStoreLaws.laws.filter((one) => one.name === law)
        assert.lengthOf(named, 1)
        const [broken] = yield* Effect.provide(Law.broken(named), store, { local: true })
        assert.include(broken?.message, problem)
      })
    )
  }
})
