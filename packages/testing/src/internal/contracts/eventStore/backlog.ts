/**
 * Counts the events that a follower of the log has still to read.
 */
import * as Position from "@daybook/kernel/Position"
import { EventStore, InvalidReadOption } from "@daybook/store/EventStore"
import { MAX_BACKLOG } from "@daybook/store/Subscription"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as assert from "../../assert.ts"
import {
  type Cases,
  fill,
  freshCategory,
  newEvent,
  newEvents,
  readCategories,
  streamOf
} from "./fixture.ts"

export const backlogCases: Cases = {
  "counts the matching events after a position, and returns the earliest time": Effect.gen(
    function* () {
      const store = yield* EventStore
      const category = freshCategory()
      yield* fill(streamOf(category, "1"), newEvents(3))
      yield* fill(streamOf(category, "2"), [newEvent({ type: "Other" })])
      const events = yield* readCategories(4, category)
      const of = (after: Position.Position, types?: ReadonlyArray<string>) =>
        store.backlog({ after, categories: [category], types })
      const at = (index: number) => Arr.getUnsafe(events, index)
      const all = yield* of(Position.start)
      assert.strictEqual(all.events, 4)
      assert.deepStrictEqual(
        Option.map(all.since, DateTime.toEpochMillis),
        Option.some(Math.min(...events.map((one) => DateTime.toEpochMillis(one.recordedAt))))
      )
      assert.isTrue(all.head >= at(3).position)
      assert.strictEqual((yield* of(at(1).position)).events, 2)
      assert.strictEqual((yield* of(Position.start, ["Other"])).events, 1)
      const nothing = yield* of(at(3).position)
      assert.strictEqual(nothing.events, 0)
      assert.deepStrictEqual(nothing.since, Option.none())
    }
  ),

  "is empty for a category without events": Effect.gen(function* () {
    const store = yield* EventStore
    const { events, since } = yield* store.backlog({ categories: [freshCategory()] })
    assert.deepStrictEqual([events, since], [0, Option.none()])
    assert.strictEqual((yield* store.backlog({ categories: [] })).events, 0)
  }),

  "counts up to its limit": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    yield* fill(streamOf(category, "1"), newEvents(MAX_BACKLOG + 1))
    yield* readCategories(MAX_BACKLOG + 1, category)
    assert.strictEqual((yield* store.backlog({ categories: [category] })).events, MAX_BACKLOG)
  }),

  "refuses an invalid position": Effect.gen(function* () {
    const store = yield* EventStore
    // A caller without types may pass this.
    const after = -1n as Position.Position
    assert.instanceOf(yield* Effect.flip(store.backlog({ after })), InvalidReadOption)
  })
}
