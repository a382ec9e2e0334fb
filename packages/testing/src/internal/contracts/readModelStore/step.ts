/**
 * Steps: rows and checkpoint move together, once, under the claim.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as assert from "../../assert.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import {
  at,
  begin,
  type Cases,
  claimOf,
  countOf,
  countUp,
  inParallel,
  isLost,
  LEASE,
  put,
  rowsOf,
  runOut,
  serve,
  stateOf,
  statesOf,
  step,
  take,
  tallies,
  talliesAgain,
  tally
} from "./fixture.ts"

const remove = (from: number, to: number, ...ids: ReadonlyArray<string>) => {
  const keys = ids.map((id) => ({ id }))
  return step(from, to, { keys, fold: () => Result.succeed({ upserts: [], deletions: keys }) })
}

export const stepCases: Cases = {
  "loads the stored rows of its keys, and no others": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1), tally("b", 2), tally("c", 3)])
    const seen: Array<ReadonlyMap<string, StoredRow>> = []
    const keys = [{ id: "c" }, { id: "a" }, { id: "new" }]
    yield* take(
      store,
      table,
      claim,
      step(1, 9, {
        keys,
        fold: (rows) => {
          seen.push(rows)
          return Result.succeed({ upserts: [tally("new", 4), tally("a", 5)], deletions: [] })
        },
        events: 4,
        eventsPerSecond: 12.5
      })
    )
    const known = [tally("a", 1), tally("c", 3)].map((row) => [
      table.keyText({ id: row["id"] ?? "" }),
      row
    ])
    assert.isNotEmpty(seen)
    for (const rows of seen) {
      assert.sameDeepMembers(Array.from(rows.entries()), known)
    }
    assert.deepStrictEqual(yield* rowsOf(table), [
      tally("a", 5),
      tally("b", 2),
      tally("c", 3),
      tally("new", 4)
    ])
    const { checkpoints, events, eventsPerSecond } = yield* stateOf(claim)
    assert.deepStrictEqual(
      { checkpoints, events, eventsPerSecond },
      {
        checkpoints: [at(9)],
        events: 7,
        eventsPerSecond: 12.5
      }
    )
  }),

  "stores whole rows": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = talliesAgain(tallies().name, 1)
    const { serving } = yield* store.open(table)
    const claim = yield* claimOf(serving)
    yield* take(store, table, claim, put(table, 0, 1, [{ id: "a", count: 1.5, note: "one" }]))
    yield* take(store, table, claim, put(table, 1, 2, [{ id: "a", count: 2, note: null }]))
    assert.deepStrictEqual(yield* rowsOf(table), [{ id: "a", count: 2, note: null }])
  }),

  "deletes rows, and ignores missing ones": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1), tally("b", 2)])
    yield* take(store, table, claim, remove(1, 2, "a", "never"))
    assert.deepStrictEqual(yield* rowsOf(table), [tally("b", 2)])
    yield* take(store, table, claim, put(table, 2, 3, [tally("a", 7)]))
    assert.strictEqual(yield* countOf(table, "a"), 7)
  }),

  "upserts rows and deletes others at once": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1), tally("b", 2)])
    const deletions = [{ id: "a" }]
    yield* take(
      store,
      table,
      claim,
      step(1, 2, {
        keys: [{ id: "a" }, { id: "b" }, { id: "c" }],
        fold: () => Result.succeed({ upserts: [tally("c", 3), tally("b", 4)], deletions })
      })
    )
    assert.deepStrictEqual(yield* rowsOf(table), [tally("b", 4), tally("c", 3)])
  }),

  "moves the checkpoint without changing a row": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    yield* take(store, table, claim, step(1, 1_000, { events: 0 }))
    const { checkpoints, events } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, events], [[at(1_000)], 1])
    assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
  }),

  "keeps positions past 2^53 exact": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    const far = at(2 ** 53)
    const further = at(2 ** 53 + 2)
    yield* take(store, table, claim, { ...step(1, 2), to: far })
    yield* isLost(claim, take(store, table, claim, { ...step(1, 2), from: further, to: further }))
    yield* take(store, table, claim, { ...step(1, 2), from: far, to: further })
    assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [further])
  }),

  "stores as many rows as a page of events may touch": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    const rows = Arr.makeBy(5_000, (n) => tally(`${10_000 + n}`, n))
    yield* take(store, table, claim, put(table, 1, 2, rows))
    let seen = 0
    const keys = rows.map(({ id }) => ({ id: id ?? "" }))
    const kept = rows.filter((_, n) => n % 2 === 0).map((row) => ({ ...row, count: -1 }))
    const deletions = keys.filter((_, n) => n % 2 === 1)
    yield* take(
      store,
      table,
      claim,
      step(2, 3, {
        keys,
        fold: (found) => {
          seen = found.size
          return Result.succeed({ upserts: kept, deletions })
        }
      })
    )
    assert.strictEqual(seen, 5_000)
    assert.deepStrictEqual(yield* rowsOf(table), kept)
  }),

  "changes nothing when the fold fails, and passes on the failure": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    const before = yield* statesOf(table)
    const why = { _tag: "CantBeFolded" } as const
    const failing = step(1, 2, { keys: [{ id: "a" }], fold: () => Result.fail(why) })
    assert.strictEqual(yield* Effect.flip(take(store, table, claim, failing)), why)
    assert.deepStrictEqual(yield* statesOf(table), before)
    assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
    yield* take(store, table, claim, countUp(1, 2, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "changes nothing when the fold throws": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    const throwing = step(1, 2, {
      keys: [{ id: "a" }],
      fold: () => {
        throw new Error("a broken fold")
      }
    })
    assert.isTrue(Exit.hasDies(yield* Effect.exit(take(store, table, claim, throwing))))
    assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
    yield* take(store, table, claim, countUp(1, 2, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "counts nothing twice when it is repeated, and omits nothing": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    yield* take(store, table, claim, countUp(1, 5, "a"))
    // The answer was lost, or the host reads on from a position other than the checkpoint.
    for (const [from, to] of [
      [1, 5],
      [1, 6],
      [0, 5],
      [4, 6],
      [6, 7]
    ] as const) {
      yield* isLost(claim, take(store, table, claim, countUp(from, to, "a")))
    }
    assert.strictEqual(yield* countOf(table, "a"), 1)
    yield* take(store, table, claim, countUp(5, 6, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "succeeds once of several from one position at the same time": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    for (let n = 1; n <= 10; n++) {
      const answers = yield* Effect.forEach(
        ["a", "a", "b", "c"],
        (id) => Effect.result(take(store, table, claim, countUp(n, n + 1, id))),
        inParallel
      )
      assert.lengthOf(answers.filter(Result.isSuccess), 1)
    }
    const rows = yield* rowsOf(table)
    assert.strictEqual(
      rows.reduce((sum, row) => sum + Number(row["count"]), 0),
      10
    )
    assert.strictEqual((yield* stateOf(claim)).events, 10)
  }),

  "succeeds under one claim while several hosts believe they hold it": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    let claim = yield* serve(table)
    let position = 1
    let counted = 0
    for (let round = 0; round < 10; round++) {
      yield* runOut(claim)
      const before = claim
      const owner = `host ${round}`
      // One host steps at any pace, while the other takes over and steps too.
      const [stepped, taken] = yield* Effect.all(
        [
          Effect.result(take(store, table, before, countUp(position, position + 1, "a"))),
          Effect.flatMap(
            store.claim(before, owner, LEASE),
            // The step may have renewed the lease just before.
            (next) =>
              Option.isNone(next)
                ? Effect.succeedNone
                : Effect.map(
                    Effect.result(
                      take(store, table, next.value, countUp(position, position + 1, "a"))
                    ),
                    (result) => Option.some({ next: next.value, result })
                  )
          )
        ],
        inParallel
      )
      const done = [stepped, ...Option.toArray(taken).map(({ result }) => result)].filter(
        Result.isSuccess
      )
      assert.isAtMost(done.length, 1)
      counted += done.length
      position += done.length
      if (Option.isSome(taken)) claim = taken.value.next
      assert.strictEqual((yield* countOf(table, "a")) ?? 0, counted)
      assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(position)])
    }
  }),

  "moves the checkpoint of its own partition, at the same time as others": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table)
    const claim = yield* begin(table, 3)
    yield* Effect.forEach(
      [0, 1, 2],
      (partition) =>
        Effect.gen(function* () {
          for (let n = 0; n < 4 + partition; n++) {
            const fields = { partition, eventsPerSecond: 10 }
            yield* take(store, table, claim, countUp(n, n + 1, `row ${partition}`, fields))
          }
        }),
      inParallel
    )
    const { checkpoints, events, eventsPerSecond } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, events], [[at(4), at(5), at(6)], 15])
    assert.isAbove(eventsPerSecond, 0)
    assert.deepStrictEqual(yield* rowsOf(table, {}, claim.generation), [
      tally("row 0", 4),
      tally("row 1", 5),
      tally("row 2", 6)
    ])
    yield* isLost(claim, take(store, table, claim, countUp(4, 5, "row 1", { partition: 1 })))
    yield* isLost(claim, take(store, table, claim, countUp(0, 1, "row 3", { partition: 3 })))
    assert.deepStrictEqual(yield* rowsOf(table), [])
  }),

  "is independent of steps of other read models at the same time": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const tables = Arr.makeBy(4, () => tallies())
    yield* Effect.forEach(
      tables,
      (table, index) =>
        Effect.gen(function* () {
          const claim = yield* serve(table)
          for (let n = 1; n <= 5 + index; n++) {
            yield* take(store, table, claim, countUp(n, n + 1, "a"))
          }
        }),
      inParallel
    )
    const counts = yield* Effect.forEach(tables, (table) => countOf(table, "a"))
    assert.deepStrictEqual(counts, [5, 6, 7, 8])
  })
}
