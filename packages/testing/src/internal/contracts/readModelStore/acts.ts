/**
 * The record of acts on a read model, and rebuilds whose differing rows are accepted.
 */
import { RowsDiffer } from "@daybook/projections/ReadModelError"
import { SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { Any as AnyTable } from "@daybook/projections/driver/ReadModelTable"
import * as assert from "../../assert.ts"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  at,
  begin,
  type Cases,
  claimOf,
  eventAt,
  LEASE,
  put,
  rowsOf,
  serve,
  take,
  tallies,
  tally
} from "./fixture.ts"

const compared = { compare: true, catchUp: () => Effect.void }

const actsOf = (table: AnyTable) =>
  Effect.flatMap(ReadModelStore, (store) =>
    Effect.map(store.acts(table.name), (acts) =>
      acts.map(({ act, actor, details, reason }) => [
        act,
        Option.getOrNull(actor),
        Option.getOrNull(reason),
        details
      ])
    )
  )

export const actCases: Cases = {
  "has the switch to rows that differ, when the request for the shadow accepted them": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* serve(table, [tally("a", 9), tally("b", 1)])
      const why = { actor: "Ada", reason: "somebody wrote to the table" }
      const options = { parallelism: 1, owner: "a builder", lease: LEASE }
      const begun = yield* store.beginShadow(table, { ...options, accept: true, why })
      // Another builder goes on with the shadow.
      const given = Option.getOrElse(begun.claim, () => assert.fail("there is a shadow to claim"))
      yield* store.release(given)
      const claim = yield* claimOf(begun.shadow, "another builder")
      yield* take(store, table, claim, put(table, 0, 1, [tally("a", 1), tally("b", 1)]))
      yield* store.promote(table, claim, compared)
      assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1), tally("b", 1)])
      assert.deepStrictEqual(yield* actsOf(table), [
        ["rebuild", "Ada", "somebody wrote to the table", { generation: 2, accepted: true }],
        ["switch", null, null, { from: 1, to: 2, version: 1, differing: 1 }]
      ])
      // `accept` held for one shadow only.
      const next = yield* begin(table)
      yield* take(store, table, next, put(table, 0, 1, [tally("a", 2)]))
      assert.instanceOf(yield* Effect.flip(store.promote(table, next, compared)), RowsDiffer)
    }
  ),

  "has the refusal of rows that differ, when only an earlier request for the shadow accepted":
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* serve(table, [tally("a", 9)])
      const options = { parallelism: 1, owner: "a builder", lease: LEASE }
      const given = yield* store.beginShadow(table, { ...options, accept: true })
      yield* store.release(
        Option.getOrElse(given.claim, () => assert.fail("there is a shadow to claim"))
      )
      const claim = yield* begin(table)
      assert.strictEqual(claim.generation, given.shadow.generation)
      yield* take(store, table, claim, put(table, 0, 1, [tally("a", 1)]))
      assert.instanceOf(yield* Effect.flip(store.promote(table, claim, compared)), RowsDiffer)
      assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 9)])
      assert.deepStrictEqual(yield* actsOf(table), [
        ["rebuild", null, null, { generation: 2, accepted: true }],
        ["rebuild", null, null, { generation: 2, accepted: false }],
        ["differ", null, null, { generation: 2, rows: 1 }]
      ])
      // And a later request that accepts them counts for a shadow that an earlier one began.
      const first = yield* begin(table)
      yield* store.release(first)
      const last = yield* store.beginShadow(table, { ...options, accept: true })
      assert.strictEqual(last.shadow.generation, first.generation)
      const taken = Option.getOrElse(last.claim, () => assert.fail("there is a shadow to claim"))
      yield* take(store, table, taken, put(table, 0, 1, [tally("a", 1)]))
      yield* store.promote(table, taken, compared)
      assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
    }),

  "has the operation, actor and reason of each act, oldest first": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const { name, version } = table
    yield* serve(table, [tally("a", 1)])
    yield* serve(other)
    yield* store.pause(name, { actor: "Ada", reason: "to look" })
    yield* store.resume(name, { actor: "Bob" })
    const skipped = {
      name,
      version,
      position: at(7),
      event: eventAt(7),
      reason: SkipReason.make("a test")
    }
    yield* store.skip(skipped, { actor: "Ada" })
    // A repeated skip is not recorded again.
    yield* store.skip(skipped, { actor: "Bob" })
    const claim = yield* begin(table)
    yield* take(store, table, claim, put(table, 0, 1, [tally("a", 2)]))
    yield* Effect.flip(store.promote(table, claim, compared))
    yield* store.drop(name, 2, { reason: "looked at" })
    yield* store.drop(name, 2)
    assert.deepStrictEqual(yield* actsOf(table), [
      ["pause", "Ada", "to look", {}],
      ["resume", "Bob", null, {}],
      ["skip", "Ada", "a test", { version, position: "7" }],
      ["rebuild", null, null, { generation: 2, accepted: false }],
      ["differ", null, null, { generation: 2, rows: 1 }],
      ["drop", null, "looked at", { generation: 2 }]
    ])
    assert.deepStrictEqual(yield* actsOf(other), [])
  })
}
