/**
 * Laws of event stores that are easily broken, as programs: each dies with an assertion error when
 * the store in its context breaks it.
 *
 * 1. {@link noGapsUnderConcurrency}: parallel appends number their stream 1..n, and none is lost.
 * 2. {@link oneWinner}: of appends that race with the same exact expectation, one wins.
 * 3. {@link allOrNone}: every reader sees all of an `appendAll` or nothing, at any time.
 * 4. {@link appendsAreSeenWhole}: the end of the log that a reader sees is the end of an append.
 * 5. {@link repeatIsIdempotent}: the same append, repeated in turn or in parallel, happens once.
 * 6. {@link nothingAppearsBehindReader}: a reader at a position has missed nothing below it.
 * 7. {@link subscriberSeesAllOnce}: a subscriber sees each event once, in position order.
 * 8. {@link recordedOnce}: an append has one time, and times never go back in a stream.
 * 9. {@link jsonRoundTrips}, {@link jsonIsExactOrRefused}: JSON comes back unchanged or is refused.
 *
 * Each uses fresh streams, so the store may hold other events and receive more meanwhile.
 *
 * @since 0.1.0
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import {
  type Appended,
  AppendRefused,
  EventStore,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import { any, exactly, noStream } from "@daybook/store/ExpectedRevision"
import { assert } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  freshCategory,
  freshStream,
  ids,
  newEvent,
  newEvents,
  readCategories,
  readFirst,
  readStream,
  revision,
  revisions,
  type StoreError,
  streamOf
} from "./internal/contracts/eventStore/fixture.ts"
import { notJson, roundTrips } from "./internal/contracts/eventStore/jsonValues.ts"

export { recordedOnce } from "./internal/contracts/eventStore/recordedAt.ts"

/**
 * A check of one rule; dies with an assertion error when the store breaks the rule.
 *
 * @category types
 * @since 0.1.0
 */
export type Law = Effect.Effect<void, StoreError, EventStore>

const inParallel = { concurrency: "unbounded" } as const

/**
 * Parallel appends number their stream without gaps, each in one piece, and none is lost.
 *
 * @category laws
 * @since 0.1.0
 */
export const noGapsUnderConcurrency: Law = Effect.gen(function* () {
  const store = yield* EventStore
  for (const size of [1, 3]) {
    const streamId = freshStream()
    const appends = Arr.makeBy(20, () => ({ streamId, expected: any, events: newEvents(size) }))
    const answers = yield* Effect.forEach(appends, store.append, inParallel)
    const stored = yield* readStream(streamId)
    assert.deepStrictEqual<ReadonlyArray<number>>(
      revisions(stored),
      Arr.range(1, 20 * size),
      "revisions count from 1 without gaps"
    )
    assert.isTrue(increases(stored), "positions increase along a stream")
    for (const [index, { events }] of appends.entries()) {
      const { position, revision } = Arr.getUnsafe(answers, index)
      const own = stored.slice(revision - size, revision)
      assert.deepStrictEqual(ids(own), ids(events), "an append is in one piece where it says")
      assert.strictEqual(own.at(-1)?.position, position)
    }
  }
})

const increases = (events: ReadonlyArray<RecordedEvent>): boolean =>
  events.every(
    (event, index) => index === 0 || Arr.getUnsafe(events, index - 1).position < event.position
  )

/**
 * Of appends that race with the same exact expectation, one wins and the others conflict.
 *
 * @category laws
 * @since 0.1.0
 */
export const oneWinner: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const streamId = freshStream()
  const winners: Array<EventId> = []
  for (let round = 0; round < 5; round++) {
    const expected = round === 0 ? noStream : exactly(revision(round))
    const answers = yield* Effect.forEach(
      newEvents(10),
      (event) =>
        Effect.map(
          Effect.result(store.append({ streamId, expected, events: [event] })),
          (answer) => ({ id: event.id, answer })
        ),
      inParallel
    )
    const won = answers.filter(({ answer }) => Result.isSuccess(answer))
    assert.lengthOf(won, 1, "one append wins")
    winners.push(Arr.getUnsafe(won, 0).id)
    for (const { answer } of answers) {
      if (Result.isSuccess(answer)) {
        assert.strictEqual<number>(answer.success.revision, round + 1)
      } else {
        const error = answer.failure
        assert.instanceOf(error, WrongExpectedRevision)
        assert.strictEqual<number>(error.actual, round + 1)
        assert.deepStrictEqual(ids(error.between), [Arr.getUnsafe(won, 0).id])
      }
    }
  }
  assert.deepStrictEqual(ids(yield* readStream(streamId)), winners)
})

/**
 * An `appendAll` writes everything or nothing, as its caller and every reader see it at any time,
 * also when several calls cross the same streams in parallel.
 *
 * @category laws
 * @since 0.1.0
 */
export const allOrNone: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const [one, two] = [streamOf(category, "1"), streamOf(category, "2")]
  const call = Effect.fnUntraced(function* (batch: number) {
    // Every other call takes the streams in reverse order, and most of every third one are refused.
    const streams = batch % 2 === 0 ? [one, two] : [two, one]
    const answer = yield* Effect.result(
      store.appendAll({
        appends: Arr.map(streams as [typeof one, typeof two], (streamId, index) => ({
          streamId,
          expected: batch % 3 === 0 && index === 1 ? exactly(revision(batch)) : any,
          events: [newEvent({ data: batch }), newEvent({ data: batch })]
        }))
      })
    )
    return { batch, appended: Result.isSuccess(answer) }
  })
  const writers = yield* Effect.forkChild(Effect.forEach(Arr.range(0, 19), call, inParallel))
  let writing = true
  while (writing) {
    yield* Effect.yieldNow
    writing = writers.pollUnsafe() === undefined
    const counts = countBatches(yield* Stream.runCollect(store.readAll({ categories: [category] })))
    for (const count of counts.values()) assert.strictEqual(count, 4, "all of it is seen or none")
  }
  const answers = yield* Fiber.join(writers)
  const appended = answers.filter((answer) => answer.appended)
  assert.isAtLeast(appended.length, 13, "those that expect nothing in particular are accepted")
  const counts = countBatches(yield* readCategories(appended.length * 4, category))
  for (const { appended, batch } of answers) {
    assert.strictEqual(counts.get(batch) ?? 0, appended ? 4 : 0, "refused is not there")
  }
})

const countBatches = (events: ReadonlyArray<RecordedEvent>): Map<Schema.Json, number> => {
  const counts = new Map<Schema.Json, number>()
  for (const { data } of events) counts.set(data, (counts.get(data) ?? 0) + 1)
  return counts
}

/**
 * While large and small appends race, the log always ends with the last event of an append.
 *
 * @category laws
 * @since 0.1.0
 */
export const appendsAreSeenWhole: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const write = Effect.fnUntraced(function* (writer: number) {
    // Small appends begin in the middle of large ones, and may draw their positions there.
    const [size, times] = writer % 2 === 0 ? [200, 8] : [1, 80]
    for (let n = 0; n < times; n++) {
      const events = Arr.makeBy(size, (index) => newEvent({ data: { last: index === size - 1 } }))
      yield* store.append({ streamId: streamOf(category, String(writer)), expected: any, events })
      yield* Effect.yieldNow
    }
  })
  const writers = yield* Effect.forkChild(Effect.forEach(Arr.range(1, 8), write, inParallel))
  const newest = { categories: [category], direction: "backward", limit: 1 } as const
  while (writers.pollUnsafe() === undefined) {
    yield* Effect.yieldNow
    for (const { data } of yield* Stream.runCollect(store.readAll(newest))) {
      assert.deepStrictEqual(data, { last: true }, "an append is seen whole")
    }
  }
  yield* Fiber.join(writers)
})

/**
 * The same append, repeated in turn or in parallel, happens once and always has the same answer.
 *
 * @category laws
 * @since 0.1.0
 */
export const repeatIsIdempotent: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const [one, two] = [streamOf(category, "1"), streamOf(category, "2")]
  const append = store.append({ streamId: one, expected: noStream, events: newEvents(2) })
  const answers = yield* Effect.all(Arr.replicate(append, 10), inParallel)
  const [first] = placesOf(answers)
  for (const place of placesOf([...answers, yield* append])) assert.deepStrictEqual(place, first)
  assert.lengthOf(answers.filter(isFirst), 1, "one append wrote")
  const both = store.appendAll({
    appends: [
      { streamId: two, expected: noStream, events: newEvents(2) },
      { streamId: one, expected: exactly(revision(2)), events: newEvents(1) }
    ]
  })
  const pairs = yield* Effect.all(Arr.replicate(both, 10), inParallel)
  const [firstPair] = pairs.map(placesOf)
  for (const pair of [...pairs, yield* both]) assert.deepStrictEqual(placesOf(pair), firstPair)
  assert.lengthOf(
    pairs.filter((pair) => pair.every(isFirst)),
    1,
    "one appendAll wrote"
  )
  assert.lengthOf(yield* readStream(one), 3, "written once")
  assert.lengthOf(yield* readStream(two), 2, "written once")
})

const placesOf = (answers: ReadonlyArray<Appended>) =>
  answers.map(({ position, revision }) => ({ position, revision }))

const isFirst = ({ repeated }: Appended): boolean => !repeated

/** The number of empty pages after which a reader gives up, once all writers have finished. */
const PATIENCE = 200

/**
 * A reader that reads on from its last position while others append ends with every event in order.
 *
 * @category laws
 * @since 0.1.0
 */
export const nothingAppearsBehindReader: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const write = Effect.fnUntraced(function* (writer: number) {
    const streamId = streamOf(category, String(writer))
    for (let n = 0; n < 15; n++) {
      yield* store.append({ streamId, expected: any, events: newEvents(1 + (n % 3)) })
      yield* Effect.yieldNow
    }
  })
  const writers = yield* Effect.forkChild(Effect.forEach(Arr.range(1, 8), write, inParallel))
  const total = 8 * 30
  const read = Effect.gen(function* () {
    const seen: Array<RecordedEvent> = []
    let patience = PATIENCE
    while (seen.length < total && patience > 0) {
      // Checked before the read: a page that is read after the writers' end misses no event.
      if (writers.pollUnsafe() !== undefined) patience -= 1
      const after = seen.at(-1)?.position ?? Position.start
      const page = yield* Stream.runCollect(
        store.readAll({ categories: [category], after, limit: 7 })
      )
      if (page.length > 0) patience = PATIENCE
      seen.push(...page)
      yield* Effect.yieldNow
    }
    return seen
  })
  const readers = yield* Effect.all(Arr.replicate(read, 3), inParallel)
  yield* Fiber.join(writers)
  const all = yield* readCategories(total, category)
  assert.lengthOf(all, total)
  assert.isTrue(increases(all), "positions increase")
  for (const seen of readers) {
    assert.deepStrictEqual(ids(seen), ids(all), "a reader by position misses nothing")
  }
})

/**
 * Subscribers that start before, during and after the appends, and that resume where they stopped,
 * see every matching event once, in position order.
 *
 * @category laws
 * @since 0.1.0
 */
export const subscriberSeesAllOnce: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const write = Effect.fnUntraced(function* (writer: number) {
    const streamId = streamOf(category, String(writer))
    for (let n = 0; n < 15; n++) {
      yield* store.append({ streamId, expected: any, events: newEvents(1 + (n % 3)) })
      yield* Effect.yieldNow
    }
  })
  const follow = (pagesAtOnce: number) =>
    Effect.gen(function* () {
      const seen: Array<RecordedEvent> = []
      let after = Position.start
      while (seen.at(-1)?.type !== "End") {
        const pages = store.subscribePages({ categories: [category], after }).pipe(
          Stream.filter(({ events }) => events.length > 0),
          Stream.take(pagesAtOnce),
          Stream.takeUntil(({ events }) => events.at(-1)?.type === "End")
        )
        yield* Stream.runForEach(pages, ({ events, position }) =>
          Effect.sync(() => {
            seen.push(...events)
            after = position
          })
        )
      }
      return seen
    })
  const early = yield* Effect.forEach([1, 3, 1_000], (pages) => Effect.forkChild(follow(pages)))
  const writers = yield* Effect.forkChild(Effect.forEach(Arr.range(1, 8), write, inParallel))
  const during = yield* Effect.forkChild(follow(2))
  yield* Fiber.join(writers)
  yield* store.append({
    streamId: streamOf(category, "9"),
    expected: any,
    events: [newEvent({ type: "End" })]
  })
  const late = yield* Effect.forkChild(follow(1_000))
  const all = yield* readCategories(8 * 30 + 1, category)
  assert.lengthOf(all, 8 * 30 + 1)
  for (const subscriber of [...early, during, late]) {
    assert.deepStrictEqual(
      ids(yield* Fiber.join(subscriber)),
      ids(all),
      "a subscriber sees each event once, in order"
    )
  }
})

/**
 * The edge cases of JSON come back exactly, down to the order of keys.
 *
 * @category laws
 * @since 0.1.0
 */
export const jsonRoundTrips: Law = Effect.gen(function* () {
  const store = yield* EventStore
  for (const [name, value] of roundTrips) {
    const streamId = freshStream()
    const event = newEvent({ data: value, metadata: { custom: { own: value } } })
    yield* store.append({ streamId, expected: any, events: [event] })
    const stored = yield* readFirst(streamId)
    for (const [before, after] of [
      [event.data, stored.data],
      [event.metadata, stored.metadata]
    ]) {
      assert.deepStrictEqual(after, before, name)
      // Deep equality does not see the order of keys, nor every key named `__proto__`.
      assert.strictEqual(JSON.stringify(after), JSON.stringify(before), name)
    }
  }
})

/**
 * A value that JSON cannot hold is refused rather than changed.
 *
 * @category laws
 * @since 0.1.0
 */
export const jsonIsExactOrRefused: Law = Effect.gen(function* () {
  const store = yield* EventStore
  for (const { name, value } of notJson) {
    const streamId = freshStream()
    // The types refuse most of these values; data from outside is not checked by types.
    const event = newEvent({ data: value as Schema.Json })
    const answer = yield* Effect.result(store.append({ streamId, expected: any, events: [event] }))
    const stored = yield* readStream(streamId)
    if (Result.isSuccess(answer)) {
      assert.deepStrictEqual<unknown>(stored[0]?.data, value, name)
    } else {
      assert.instanceOf(answer.failure, AppendRefused, name)
      assert.lengthOf(stored, 0)
    }
  }
})
