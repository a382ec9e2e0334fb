/**
 * Dropping generations that are no longer used.
 */
import { ClaimLost } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as assert from "../../assert.ts"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import {
  begin,
  type Cases,
  countOf,
  countUp,
  isLost,
  others,
  renew,
  rolesOf,
  rowsOf,
  serve,
  shadow,
  statesOf,
  step,
  switchTo,
  take,
  tallies,
  tally
} from "./fixture.ts"

export const dropCases: Cases = {
  "removes a retired generation and its rows": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table, [tally("a", 1)])
    yield* switchTo(table, yield* shadow(table, [tally("a", 2)]))
    yield* store.drop(table.name, 1)
    assert.deepStrictEqual(yield* rolesOf(table), [[2, "serving"]])
    assert.deepStrictEqual(yield* rowsOf(table, {}, 1), [])
    assert.strictEqual(yield* countOf(table, "a"), 2)
    yield* switchTo(table, yield* shadow(table, [tally("a", 3)]))
    assert.deepStrictEqual(yield* rolesOf(table), [
      [2, "retired"],
      [3, "serving"]
    ])
  }),

  "removes a shadow and ends its claim": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table)
    const claim = yield* shadow(table, [tally("a", 2)])
    yield* store.drop(table.name, claim.generation)
    yield* isLost(claim, take(store, table, claim, step(1, 2)))
    yield* isLost(claim, renew(claim))
    yield* isLost(claim, switchTo(table, claim))
    yield* store.release(claim)
    assert.deepStrictEqual(yield* rolesOf(table), [[1, "serving"]])
  }),

  "removes a shadow during its steps, and the next step of its holder fails as ClaimLost":
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* serve(table)
      const claim = yield* begin(table)
      const writing = Effect.gen(function* () {
        for (let n = 0; n < 50; n++) {
          const taken = yield* Effect.result(take(store, table, claim, countUp(n, n + 1, "a")))
          if (Result.isSuccess(taken)) continue
          return assert.instanceOf(taken.failure, ClaimLost)
        }
      })
      const dropping = Effect.andThen(others, store.drop(table.name, claim.generation))
      yield* Effect.all([writing, dropping], { concurrency: "unbounded" })
      yield* isLost(claim, take(store, table, claim, step(0, 1)))
      assert.lengthOf(yield* statesOf(table), 1)
    }),

  "does nothing when the generation does not exist": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* store.drop(table.name, 1)
    yield* store.open(table)
    yield* store.drop(table.name, 2)
    assert.lengthOf(yield* statesOf(table), 1)
  }),

  "dies for the serving generation, which continues": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    assert.isTrue(Exit.hasDies(yield* Effect.exit(store.drop(table.name, claim.generation))))
    yield* take(store, table, claim, countUp(1, 2, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "removes the given generation only": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    for (const one of [table, other]) {
      yield* serve(one, [tally("a", 1)])
      yield* shadow(one, [tally("a", 2)])
    }
    yield* store.drop(table.name, 2)
    assert.deepStrictEqual(yield* rowsOf(other, {}, 2), [tally("a", 2)])
    assert.lengthOf(yield* statesOf(other), 2)
  })
}
