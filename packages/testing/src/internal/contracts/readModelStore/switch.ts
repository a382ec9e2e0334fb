/**
 * Switching to a shadow, and dropping generations that are no longer used.
 */
import { MAX_DIFFERENCES, RowsDiffer } from "@daybook/projections/ReadModelError"
import type { GenerationState } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as assert from "../../assert.ts"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  all,
  at,
  begin,
  type Cases,
  claimOf,
  countOf,
  countUp,
  eventAt,
  factsOf,
  isLost,
  put,
  rolesOf,
  rowsOf,
  serve,
  shadow,
  stateOf,
  step,
  switchTo,
  take,
  tallies,
  talliesAgain,
  tally
} from "./fixture.ts"

const compared = { compare: true, catchUp: () => Effect.void }

const many = (count: number, value: number) =>
  Array.from({ length: count }, (_, n) => tally(`${1_000 + n}`, value))

export const switchCases: Cases = {
  "replaces the serving rows by those of a newer version": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const before = yield* serve(table, [tally("a", 1)])
    const next = talliesAgain(table.name)
    const rows: ReadonlyArray<StoredRow> = [
      { id: "a", count: 0.5, note: null },
      { id: "b", count: 1, note: "new" }
    ]
    const claim = yield* begin(next)
    yield* take(store, next, claim, put(next, 0, 7, rows, { eventsPerSecond: 3 }))
    const serving = yield* switchTo(next, claim)
    const expected: GenerationState = {
      name: table.name,
      generation: 2,
      version: next.version,
      role: "serving",
      mode: "async",
      log: Option.none(),
      checkpoints: [at(7)],
      anchors: [eventAt(7)],
      owner: Option.none(),
      paused: false,
      poison: Option.none(),
      leftBehind: { count: 0, first: [] },
      events: 2,
      eventsPerSecond: 3
    }
    assert.deepStrictEqual(serving, expected)
    assert.deepStrictEqual(yield* stateOf(serving), expected)
    assert.deepStrictEqual(yield* rolesOf(table), [
      [1, "retired"],
      [2, "serving"]
    ])
    assert.deepStrictEqual(yield* rowsOf(next), rows)
    assert.deepStrictEqual(yield* store.get(next, { id: "b" }), Option.fromUndefinedOr(rows[1]))
    assert.deepStrictEqual(yield* rowsOf(table, {}, 1), [tally("a", 1)])
    yield* isLost(before, take(store, table, before, step(1, 2)))
    yield* isLost(claim, take(store, next, claim, step(7, 8)))
    yield* take(store, next, yield* claimOf(serving), step(7, 8))
  }),

  "replaces the serving rows by equal rebuilt ones": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const rows = many(30, 1)
    yield* serve(table, rows)
    const claim = yield* shadow(table, rows)
    const serving = yield* store.promote(table, claim, compared)
    assert.deepStrictEqual(
      [serving.generation, serving.role, serving.checkpoints],
      [2, "serving", [at(1)]]
    )
    assert.deepStrictEqual(yield* rowsOf(table), rows)
    assert.deepStrictEqual(yield* rowsOf(table, {}, 1), rows)
  }),

  "merges several partitions, all at one position, into one": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table, [tally("a", 1), tally("b", 1), tally("c", 1)])
    const claim = yield* begin(table, 3)
    for (const [partition, id] of ["a", "b", "c"].entries()) {
      yield* take(store, table, claim, countUp(0, 1, id, { partition, eventsPerSecond: 5 }))
    }
    const serving = yield* store.promote(table, claim, compared)
    assert.deepStrictEqual(
      [serving.checkpoints, serving.events, serving.eventsPerSecond],
      [[at(1)], 3, 5]
    )
    const next = yield* claimOf(serving)
    yield* isLost(next, take(store, table, next, countUp(1, 2, "a", { partition: 1 })))
    yield* take(store, table, next, countUp(1, 2, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "refuses a shadow whose rows differ, lists them by their keys, and retires it": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const { name } = table
      const both = many(20, 1)
      const serving = [tally("gone", 1), tally("other", 1), tally("\uE000", 1), ...both]
      const rebuilt = [tally("other", 2), tally("more", 3), tally("\u{1F9FE}", 1), ...both]
      const holder = yield* serve(table, serving)
      const claim = yield* shadow(table, rebuilt)
      const error = yield* Effect.flip(store.promote(table, claim, compared))
      assert.instanceOf(error, RowsDiffer)
      const differences = [
        { key: { id: "gone" }, serving: tally("gone", 1) },
        { key: { id: "more" }, rebuilt: tally("more", 3) },
        { key: { id: "other" }, serving: tally("other", 1), rebuilt: tally("other", 2) },
        { key: { id: "\uE000" }, serving: tally("\uE000", 1) },
        { key: { id: "\u{1F9FE}" }, rebuilt: tally("\u{1F9FE}", 1) }
      ]
      assert.deepStrictEqual(
        factsOf(error),
        factsOf(new RowsDiffer({ name, position: at(1), count: 5, differences }))
      )
      assert.deepStrictEqual(yield* rolesOf(table), [
        [1, "serving"],
        [2, "retired"]
      ])
      assert.deepStrictEqual(yield* rowsOf(table, {}, 1), yield* rowsOf(table))
      assert.lengthOf(yield* rowsOf(table, {}, 2), rebuilt.length)
      yield* isLost(claim, take(store, table, claim, step(1, 2)))
      // The serving generation goes on under its claim, and can be rebuilt again.
      yield* take(store, table, holder, step(1, 2))
      assert.strictEqual((yield* begin(table)).generation, 3)
    }
  ),

  "finds a difference within a nested value, and in null": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const name = talliesAgain(table.name, 1)
    yield* serve(table, [{ ...tally("a", 1), counted: ["x", "y"] }])
    const claim = yield* shadow(table, [{ ...tally("a", 1), counted: ["y", "x"] }])
    const nested = yield* Effect.flip(store.promote(table, claim, compared))
    assert.instanceOf(nested, RowsDiffer)
    assert.strictEqual(nested.count, 1)

    const other = talliesAgain(tallies().name, name.version)
    yield* serve(other, [{ id: "a", count: 1, note: null }])
    const noted = yield* shadow(other, [{ id: "a", count: 1, note: "" }])
    assert.instanceOf(yield* Effect.flip(store.promote(other, noted, compared)), RowsDiffer)
  }),

  "counts all rows that differ, and lists the first of them": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table, many(MAX_DIFFERENCES + 30, 1))
    const claim = yield* shadow(table, many(MAX_DIFFERENCES + 30, 2))
    const error = yield* Effect.flip(store.promote(table, claim, compared))
    assert.instanceOf(error, RowsDiffer)
    assert.strictEqual(error.count, MAX_DIFFERENCES + 30)
    assert.deepStrictEqual(
      error.differences.map(({ key }) => key["id"]),
      many(MAX_DIFFERENCES, 0).map(({ id }) => id)
    )
  }),

  "lists large rows that differ up to a limit of bytes": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = talliesAgain(tallies().name)
    const large = (note: string) =>
      ["a", "b", "c", "d"].map((id) => ({ id, count: 1, note: note.repeat(3_000_000) }))
    yield* serve(table, large("x"))
    const claim = yield* shadow(table, large("y"))
    const error = yield* Effect.flip(store.promote(table, claim, compared))
    assert.instanceOf(error, RowsDiffer)
    // Two rows of 6 MB each are more than 8 MB.
    assert.strictEqual(error.count, 4)
    assert.deepStrictEqual(
      error.differences.map(({ key }) => key["id"]),
      ["a", "b"]
    )
    assert.isBelow(error.message.length, 5_000)
  }),

  "accepts rows that differ when it does not compare": Effect.gen(function* () {
    const table = tallies()
    yield* serve(table, [tally("a", 1)])
    yield* switchTo(table, yield* shadow(table, [tally("b", 2)]))
    assert.deepStrictEqual(yield* rowsOf(table), [tally("b", 2)])
  }),

  "brings the shadow to the checkpoint of the serving generation": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const holder = yield* serve(table, [tally("a", 1)])
    yield* take(store, table, holder, countUp(1, 5, "a"))
    const claim = yield* begin(table)
    let told: GenerationState | undefined
    const serving = yield* store.promote(table, claim, {
      compare: true,
      catchUp: (still) => {
        told = still
        return take(store, table, claim, put(table, 0, 5, [tally("a", 2)]))
      }
    })
    assert.deepStrictEqual(
      [told?.generation, told?.role, told?.checkpoints],
      [1, "serving", [at(5)]]
    )
    assert.deepStrictEqual(serving.checkpoints, [at(5)])
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "passes on a failure to bring the shadow there, and then changes nothing": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const holder = yield* serve(table, [tally("a", 1)])
      const claim = yield* shadow(table, [tally("a", 1)])
      const why = { _tag: "NoMore" } as const
      for (const failing of [Effect.fail(why), Effect.die(why)]) {
        const exit = yield* Effect.exit(
          store.promote(table, claim, {
            compare: false,
            catchUp: () =>
              Effect.andThen(take(store, table, claim, put(table, 1, 2, [tally("b", 9)])), failing)
          })
        )
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* rolesOf(table), [
          [1, "serving"],
          [2, "shadow"]
        ])
        assert.deepStrictEqual(yield* rowsOf(table, {}, 2), [tally("a", 1)])
        const { checkpoints, events } = yield* stateOf(claim)
        assert.deepStrictEqual([checkpoints, events], [[at(1)], 1])
      }
      yield* take(store, table, claim, put(table, 1, 2, [tally("b", 9)]))
      yield* take(store, table, holder, countUp(1, 2, "a"))
      yield* switchTo(table, claim)
      assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1), tally("b", 9)])
    }
  ),

  "dies rather than compare rows at different positions": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const holder = yield* serve(table, [tally("a", 1)])
    const claim = yield* shadow(table, [tally("a", 1)])
    yield* take(store, table, holder, step(1, 2))
    assert.isTrue(Exit.hasDies(yield* Effect.exit(store.promote(table, claim, compared))))
    const other = tallies()
    yield* serve(other)
    const parts = yield* begin(other, 2)
    yield* take(store, other, parts, countUp(0, 1, "a", { partition: 1 }))
    assert.isTrue(Exit.hasDies(yield* Effect.exit(switchTo(other, parts))))
    assert.deepStrictEqual(yield* rolesOf(other), [
      [1, "serving"],
      [2, "shadow"]
    ])
  }),

  "needs the newest claim of the shadow": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const holder = yield* serve(table, [tally("a", 1)])
    const lost = yield* shadow(table, [tally("a", 2)])
    const claim = yield* claimOf(lost, "a builder")
    let caughtUp = 0
    const catchUp = () => Effect.sync(() => void caughtUp++)
    const compare = false
    yield* isLost(lost, store.promote(table, lost, { compare, catchUp }))
    yield* isLost(holder, store.promote(table, holder, { compare, catchUp }))
    yield* store.release(claim)
    yield* isLost(claim, store.promote(table, claim, { compare, catchUp }))
    assert.strictEqual(caughtUp, 0)
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "retires shadows of the previous version, and leaves those of a later one": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const { name } = table
      yield* serve(table)
      const rebuilding = yield* begin(table)
      const next = tallies({ name, version: 2 })
      const later = tallies({ name, version: 3 })
      const claim = yield* begin(next)
      const latest = yield* begin(later)
      yield* switchTo(next, claim)
      assert.deepStrictEqual(yield* rolesOf(table), [
        [1, "retired"],
        [2, "retired"],
        [3, "serving"],
        [4, "shadow"]
      ])
      yield* isLost(rebuilding, take(store, table, rebuilding, step(0, 1)))
      yield* take(store, later, latest, step(0, 1))
      yield* switchTo(later, latest)
    }
  ),

  "is atomic for concurrent readers": Effect.gen(function* () {
    const table = tallies()
    yield* serve(table, many(700, 0))
    const done = yield* Deferred.make<void>()
    const reading = Effect.gen(function* () {
      let reads = 0
      while (reads === 0 || !(yield* Deferred.isDone(done))) {
        const rows = yield* rowsOf(table)
        assert.lengthOf(rows, 700)
        assert.strictEqual(new Set(rows.map(({ count }) => count)).size, 1)
        reads++
        yield* Effect.yieldNow
      }
    })
    const readers = yield* Effect.forkScoped(
      Effect.forEach([1, 2], () => reading, { concurrency: "unbounded" })
    )
    for (let n = 1; n <= 5; n++) yield* switchTo(table, yield* shadow(table, many(700, n)))
    yield* Deferred.succeed(done, undefined)
    yield* Fiber.join(readers)
  }).pipe(Effect.scoped),

  "leaves a query on the generation with which it began": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table, many(1_200, 1))
    const claim = yield* shadow(table, many(1_200, 2))
    let switched = false
    const seen = yield* store.query(table, all).pipe(
      Stream.mapEffect((row) => {
        if (switched) return Effect.succeed(row)
        switched = true
        return Effect.as(switchTo(table, claim), row)
      }),
      Stream.runCollect
    )
    assert.deepStrictEqual(seen, many(1_200, 1))
    assert.deepStrictEqual(yield* rowsOf(table), many(1_200, 2))
  }),

  "loses no step of the previous serving generation": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    let claim = yield* serve(table)
    let next = 1
    for (let round = 0; round < 5; round++) {
      const rebuilding = yield* begin(table)
      const held = claim
      const from = next
      const stepping = Effect.gen(function* () {
        let position = from
        for (let n = 0; n < 6; n++) {
          const taken = yield* Effect.result(
            take(store, table, held, countUp(position, position + 1, "a"))
          )
          if (Result.isFailure(taken)) return
          position++
          yield* Effect.yieldNow
        }
      })
      const switching = store.promote(table, rebuilding, {
        compare: true,
        catchUp: ({ checkpoints: [to = at(0)] }) =>
          take(store, table, rebuilding, {
            ...put(table, 0, 1, Number(to) > 1 ? [tally("a", Number(to) - 1)] : []),
            to
          })
      })
      const [serving] = yield* Effect.all([switching, stepping], { concurrency: "unbounded" })
      const [checkpoint = at(0)] = serving.checkpoints
      assert.strictEqual((yield* countOf(table, "a")) ?? 0, Number(checkpoint) - 1)
      next = Number(checkpoint)
      claim = yield* claimOf(serving)
    }
  })
}
