/**
 * The time of the store: each append has one, and it never decreases along a stream.
 */
import { EventStore } from "@daybook/store/EventStore"
import { any, noStream } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import {
  type Cases,
  freshCategory,
  freshStream,
  newEvents,
  readCategories,
  readLast,
  readStream,
  streamOf
} from "./fixture.ts"

const timesOf = (events: ReadonlyArray<{ readonly recordedAt: DateTime.Utc }>) =>
  events.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt))

const distinct = (times: ReadonlyArray<number>) => new Set(times).size

/** Counts the events that a stream had at the time of its last event. */
const countAtEnd = Effect.fnUntraced(function* (streamId: ReturnType<typeof freshStream>) {
  const store = yield* EventStore
  const { recordedAt } = yield* readLast(streamId)
  return yield* Stream.runCount(store.read(streamId, { until: { recordedAt } }))
})

const recordedOnce = Effect.gen(function* () {
  const store = yield* EventStore
  // More events than a server writes in a millisecond.
  const large = freshStream()
  yield* store.append({ streamId: large, expected: noStream, events: newEvents(1_000) })
  const stored = yield* readStream(large)
  assert.lengthOf(stored, 1_000)
  assert.strictEqual(distinct(timesOf(stored)), 1, "an append has one time")
  assert.strictEqual(yield* countAtEnd(large), 1_000, "its own time shows all of it")

  const category = freshCategory()
  yield* store.appendAll({
    appends: Arr.makeBy(200, (n) => ({
      streamId: streamOf(category, String(n)),
      expected: noStream,
      events: newEvents(1 + (n % 3))
    }))
  })
  const together = yield* readCategories(399, category)
  assert.lengthOf(together, 399)
  assert.strictEqual(distinct(timesOf(together)), 1, "an appendAll has one time")

  const busy = freshStream()
  yield* Effect.forEach(
    Arr.range(1, 40),
    (n) => store.append({ streamId: busy, expected: any, events: newEvents(1 + (n % 3)) }),
    { concurrency: "unbounded" }
  )
  const times = timesOf(yield* readStream(busy))
  assert.lengthOf(times, 80)
  assert.deepStrictEqual(
    times,
    times.toSorted((a, b) => a - b),
    "time does not go back along a stream"
  )
  assert.strictEqual(yield* countAtEnd(busy), 80, "its own time shows all before it")
})

export const recordedAtCases: Cases = {
  "each append has one time, which never goes back along a stream": recordedOnce
}
