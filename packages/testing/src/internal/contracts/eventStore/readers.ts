/**
 * Readers of the log while others append.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { EventStore } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import {
  type Cases,
  freshCategory,
  ids,
  increases,
  inParallel,
  newEvent,
  newEvents,
  readCategories,
  streamOf
} from "./fixture.ts"

/** While large and small appends race, the log always ends with the last event of an append. */
const appendsAreSeenWhole = Effect.gen(function* () {
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

/** The number of empty pages after which a reader gives up, once all writers have finished. */
const PATIENCE = 200

/**
 * A reader that reads on from its last position while others append ends with every event in order.
 */
const nothingAppearsBehindReader = Effect.gen(function* () {
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

export const readerCases: Cases = {
  "the newest event of the log is always the last one of an append": appendsAreSeenWhole,

  "readers that page by position miss nothing": nothingAppearsBehindReader
}
