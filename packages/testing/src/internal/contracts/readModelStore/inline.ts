/**
 * Inline read models: an append records its events and folds them into the rows as one.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { InlinePoison, InlineVersionMismatch } from "@daybook/projections/ReadModelError"
import type { Poison } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import { any, exactly } from "@daybook/store/ExpectedRevision"
import * as assert from "../../assert.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { freshCategory, newEvents, readStream, revision, streamOf } from "../eventStore/fixture.ts"
import {
  at,
  type Cases,
  countOf,
  inParallel,
  rowsOf,
  serve,
  shadow,
  stateOf,
  tallies,
  tally,
  factsOf
} from "./fixture.ts"
import { append, inlineOf, positionsOf, promoted, row, touching, twoStreams } from "./keeping.ts"

export const inlineCases: Cases = {
  "is visible in the rows once it has succeeded": Effect.gen(function* () {
    const table = tallies()
    const [streamId] = twoStreams()
    const { generation, name } = yield* promoted(table)
    const [answer] = yield* append([table], streamId, touching("a", "b"), touching("a"))
    assert.deepStrictEqual(yield* row(table, "a"), {
      id: "a",
      count: 2,
      counted: yield* positionsOf("a", streamId)
    })
    assert.strictEqual(yield* countOf(table, "b"), 1)
    assert.strictEqual(answer.revision, revision(2))
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 3)
    const { mode, owner } = yield* stateOf({ name, generation })
    assert.deepStrictEqual([mode, owner], ["inline", Option.none()])
  }),

  "maintains inline read models, and leaves alone those that a runner maintains": Effect.gen(
    function* () {
      const [kept, behind, unknown] = [tallies(), tallies(), tallies()]
      const [streamId] = twoStreams()
      yield* promoted(kept)
      const claim = yield* serve(behind, [tally("a", 7)])
      yield* append([behind, kept, unknown], streamId, touching("a"))
      assert.strictEqual(yield* countOf(kept, "a"), 1)
      assert.deepStrictEqual(yield* rowsOf(behind), [tally("a", 7)])
      assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
    }
  ),

  "appends events that touch no read model": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [streamId] = twoStreams()
    yield* append([], streamId, touching("a"))
    const appends = [
      { streamId, expected: any, events: newEvents(2).map(() => touching()) }
    ] as const
    const table = tallies()
    yield* promoted(table)
    const events = yield* EventStore
    const [first, ...more] = appends[0].events
    if (first === undefined) return assert.fail("two events")
    yield* store.inline(
      inlineOf(events, [table], [{ streamId, expected: any, events: [first, ...more] }])
    )
    assert.lengthOf(yield* readStream(streamId), 3)
    assert.deepStrictEqual(yield* rowsOf(table), [])
  }),

  "maintains several read models with one append to several streams": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const [one, two] = twoStreams()
    yield* promoted(table)
    yield* promoted(other)
    const appends = [
      { streamId: one, expected: any, events: [touching("a"), touching("b")] },
      { streamId: two, expected: any, events: [touching("a")] }
    ] as const
    const inlined = inlineOf(yield* EventStore, [table, other], appends)
    yield* store.inline(inlined)
    for (const kept of [table, other]) {
      assert.deepStrictEqual(yield* row(kept, "a"), {
        id: "a",
        count: 2,
        counted: yield* positionsOf("a", one, two)
      })
    }
    // A repetition has the first answer, and folds nothing again.
    const again = yield* store.inline(inlined)
    assert.isTrue(again.every(({ repeated }) => repeated))
    assert.strictEqual(yield* countOf(table, "a"), 2)
    assert.strictEqual(yield* countOf(other, "b"), 1)
  }),

  "appends and folds nothing when one read model can't fold an event": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const [streamId] = twoStreams()
    yield* promoted(table)
    const { generation, name } = yield* promoted(other)
    yield* append([table, other], streamId, touching("a"))
    const poisonOf = (recorded: ReadonlyArray<RecordedEvent>): Poison | undefined => {
      const event = recorded[0]
      if (event === undefined) return undefined
      const { position, revision, streamId, type } = event
      return { position, revision, streamId, type, reason: "Threw", issue: "it can't be folded" }
    }
    const appends = [{ streamId, expected: any, events: [touching("a")] }] as const
    const inlined = inlineOf(yield* EventStore, [table, other], appends, (of, recorded) =>
      of === other.name ? poisonOf(recorded) : undefined
    )
    const error = yield* Effect.flip(store.inline(inlined))
    assert.instanceOf(error, InlinePoison)
    assert.strictEqual(error.name, name)
    assert.deepStrictEqual(
      [error.poison.streamId, error.poison.revision, error.poison.issue],
      [streamId, 2, "it can't be folded"]
    )
    assert.lengthOf(yield* readStream(streamId), 1)
    assert.deepStrictEqual([yield* countOf(table, "a"), yield* countOf(other, "a")], [1, 1])
    assert.deepStrictEqual((yield* stateOf({ name, generation })).mode, "inline")
    yield* append([table, other], streamId, touching("a"))
    assert.deepStrictEqual([yield* countOf(table, "a"), yield* countOf(other, "a")], [2, 2])
  }),

  "folds nothing of a refused append, and passes on the refusal": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    const appends = [{ streamId, expected: exactly(revision(9)), events: [touching("a")] }] as const
    const error = yield* Effect.flip(store.inline(inlineOf(yield* EventStore, [table], appends)))
    assert.instanceOf(error, WrongExpectedRevision)
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "is refused for another version than the inline one": Effect.gen(function* () {
    const table = tallies({ version: 2 })
    const { name, version } = table
    const [streamId] = twoStreams()
    yield* promoted(table)
    const older = tallies({ name, version: 1 })
    for (const other of [older, tallies({ name, version: 3 })]) {
      const error = yield* Effect.flip(append([other], streamId, touching("a")))
      assert.instanceOf(error, InlineVersionMismatch)
      assert.deepStrictEqual(
        factsOf(error),
        factsOf(new InlineVersionMismatch({ name, version: other.version, kept: version }))
      )
    }
    assert.lengthOf(yield* readStream(streamId), 0)
    assert.deepStrictEqual(yield* rowsOf(table), [])
  }),

  "folds the events of a row in the order of their positions, across streams": Effect.gen(
    function* () {
      const table = tallies()
      yield* promoted(table)
      const category = freshCategory()
      const streams = Arr.makeBy(8, (n) => streamOf(category, `${n}`))
      yield* Effect.forEach(
        streams,
        (streamId) =>
          Effect.forEach([1, 2, 3, 4], () =>
            append([table], streamId, touching("a"), touching("a"))
          ),
        inParallel
      )
      const counted = yield* positionsOf("a", ...streams)
      assert.lengthOf(counted, 64)
      assert.deepStrictEqual(yield* row(table, "a"), { id: "a", count: 64, counted })
    }
  ),

  "never deadlocks concurrent appends, in whatever order they touch their rows": Effect.gen(
    function* () {
      const tables = [tallies(), tallies()]
      for (const table of tables) yield* promoted(table)
      const category = freshCategory()
      const orders = [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["b", "c", "a"]
      ]
      const streams = Arr.makeBy(9, (n) => streamOf(category, `${n}`))
      yield* Effect.forEach(
        streams.entries(),
        ([n, streamId]) =>
          Effect.forEach([1, 2, 3], () =>
            append(
              n % 2 === 0 ? tables : tables.toReversed(),
              streamId,
              touching(...(orders[n % 3] ?? []))
            )
          ),
        inParallel
      )
      for (const table of tables) {
        for (const id of ["a", "b", "c"]) {
          const counted = yield* positionsOf(id, ...streams)
          assert.deepStrictEqual(yield* row(table, id), { id, count: 27, counted })
        }
      }
    }
  ),

  "continues with the shadow after a switch": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    const known = yield* rowsOf(table)
    const claim = yield* shadow(table, known)
    const serving = yield* store.promote(table, claim, {
      compare: true,
      catchUp: ({ mode }) => Effect.sync(() => assert.strictEqual(mode, "inline"))
    })
    assert.deepStrictEqual([serving.generation, serving.mode], [2, "inline"])
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
    assert.deepStrictEqual(yield* rowsOf(table, {}, 1), known)
  })
}
