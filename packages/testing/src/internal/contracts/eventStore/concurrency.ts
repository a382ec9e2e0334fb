/**
 * Appends in parallel.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import {
  type Appended,
  EventIdConflict,
  EventStore,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import { any, exactly, noStream } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import {
  type Cases,
  freshCategory,
  freshStream,
  ids,
  increases,
  inParallel,
  newEvent,
  newEvents,
  readCategories,
  readStream,
  revision,
  revisions,
  streamOf
} from "./fixture.ts"

/** Parallel appends number their stream without gaps, each in one piece, and none is lost. */
const noGapsUnderConcurrency = Effect.gen(function* () {
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

/** Of appends that race with the same exact expectation, one wins and the others conflict. */
const oneWinner = Effect.gen(function* () {
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
 */
const allOrNone = Effect.gen(function* () {
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
 * The same append, repeated in turn or in parallel, happens once and always has the same answer.
 */
const repeatIsIdempotent = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const [one, two] = [streamOf(category, "1"), streamOf(category, "2")]
  const append = store.append({ streamId: one, expected: noStream, events: newEvents(2) })
  const answers = yield* Effect.all(Arr.replicate(append, 10), inParallel)
  const [first] = placesOf(answers)
  const repeated = "a repeated append has its first answer"
  for (const place of placesOf([...answers, yield* append])) {
    assert.deepStrictEqual(place, first, repeated)
  }
  assert.lengthOf(answers.filter(isFirst), 1, "one append wrote")
  const both = store.appendAll({
    appends: [
      { streamId: two, expected: noStream, events: newEvents(2) },
      { streamId: one, expected: exactly(revision(2)), events: newEvents(1) }
    ]
  })
  const pairs = yield* Effect.all(Arr.replicate(both, 10), inParallel)
  const [firstPair] = pairs.map(placesOf)
  for (const pair of [...pairs, yield* both]) {
    assert.deepStrictEqual(placesOf(pair), firstPair, repeated)
  }
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

export const concurrencyCases: Cases = {
  "all appends that expect any revision are stored, without gaps": noGapsUnderConcurrency,

  "one of the appends with the same exact expectation wins": oneWinner,

  "appends over crossed streams are visible wholly or not at all": allOrNone,

  "an append that is made several times happens once": repeatIsIdempotent,

  "one of two appends that share an id wins, on one stream or on two": Effect.gen(function* () {
    const store = yield* EventStore
    for (const [first, second] of [
      ["1", "1"],
      ["1", "2"]
    ] as const) {
      const category = freshCategory()
      const shared = newEvent()
      const appends = [
        { streamId: streamOf(category, first), expected: any, events: [newEvent(), shared] },
        { streamId: streamOf(category, second), expected: any, events: [shared, newEvent()] }
      ] as const
      const answers = yield* Effect.forEach(
        appends,
        (append) => Effect.result(store.append(append)),
        { concurrency: "unbounded" }
      )
      const winner = answers.findIndex(Result.isSuccess)
      assert.notStrictEqual(winner, -1)
      const loser = Arr.getUnsafe(answers, 1 - winner)
      assert.isTrue(Result.isFailure(loser) && loser.failure instanceof EventIdConflict)
      assert.deepStrictEqual(
        ids(yield* readCategories(2, category)),
        ids(Arr.getUnsafe(appends, winner).events)
      )
    }
  }),

  "appends that share ids crosswise conflict and do not fail": Effect.gen(function* () {
    const store = yield* EventStore
    for (let pair = 0; pair < 10; pair++) {
      const category = freshCategory()
      const events = newEvents(100)
      const append = (id: string, shared: typeof events) =>
        Effect.result(
          store.append({ streamId: streamOf(category, id), expected: any, events: shared })
        )
      const answers = yield* Effect.all([append("1", events), append("2", Arr.reverse(events))], {
        concurrency: "unbounded"
      })
      assert.lengthOf(answers.filter(Result.isSuccess), 1)
      for (const { failure } of answers.filter(Result.isFailure)) {
        assert.instanceOf(failure, EventIdConflict)
      }
    }
  }),

  "appends to many streams do not mix": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const streams = Arr.makeBy(30, (n) => ({
      streamId: streamOf(category, String(n)),
      events: newEvents(5)
    }))
    yield* Effect.forEach(
      streams,
      ({ events, streamId }) =>
        Effect.forEach(events, (event) =>
          store.append({ streamId, expected: any, events: [event] })
        ),
      { concurrency: "unbounded" }
    )
    for (const { events, streamId } of streams) {
      assert.deepStrictEqual(ids(yield* readStream(streamId)), ids(events))
    }
  })
}
