/**
 * The second half of a step: it writes only if nothing has changed since its rows were loaded.
 */
import * as LogId from "@daybook/kernel/LogId"
import { type Claim, SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as assert from "../../assert.ts"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import {
  at,
  begin,
  type Cases,
  claimOf,
  countOf,
  countUp,
  eventAt,
  inParallel,
  isLost,
  type Leases,
  poison,
  rowsOf,
  runOut,
  serve,
  shadow,
  statesOf,
  switchTo,
  take,
  tallies,
  tally
} from "./fixture.ts"

type Meanwhile = (
  table: ReadModelTable.Any,
  claim: Claim
) => Effect.Effect<unknown, unknown, ReadModelStore | Leases>

const onStore =
  (
    use: (
      store: ReadModelStore["Service"],
      table: ReadModelTable.Any,
      claim: Claim
    ) => Effect.Effect<unknown, unknown>
  ): Meanwhile =>
  (table, claim) =>
    Effect.flatMap(ReadModelStore, (store) => use(store, table, claim))

/** The changes after which a claimed generation at position 1 takes no step from there. */
const changes: Readonly<Record<string, Meanwhile>> = {
  "another host has claimed the generation": (_, claim) =>
    Effect.andThen(runOut(claim), claimOf(claim, "another")),
  "the same owner has claimed it again": (_, claim) => claimOf(claim),
  "the claim is released": onStore((store, _, claim) => store.release(claim)),
  "the read model is paused": onStore((store, { name }) => store.pause(name)),
  "an event has stopped it": onStore((store, _, claim) => store.stop(claim, poison(2))),
  "an event is skipped": onStore((store, { name, version }) =>
    store.skip({
      name,
      version,
      position: at(5),
      event: eventAt(5),
      reason: SkipReason.make("a test event")
    })
  ),
  "the checkpoint has moved": onStore((store, table, claim) =>
    take(store, table, claim, countUp(1, 2, "b"))
  )
}

/** Asserts that a step that was loaded before a change writes nothing after it. */
const writesNothing = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  claim: Claim,
  meanwhile: Meanwhile
) {
  const store = yield* ReadModelStore
  const from = { partition: 0, from: at(1) }
  yield* store.load(table, claim, { ...from, keys: [{ id: "a" }] })
  yield* meanwhile(table, claim)
  const seen = Effect.all([statesOf(table), rowsOf(table, {}, claim.generation)])
  const before = yield* seen
  yield* isLost(
    claim,
    store.advance(table, claim, {
      ...from,
      to: at(3),
      event: eventAt(3),
      changes: { upserts: [tally("a", 3)], deletions: [{ id: "b" }] },
      events: 2,
      eventsPerSecond: 0
    })
  )
  assert.deepStrictEqual(yield* seen, before)
})

const rows = [tally("a", 1), tally("b", 1)]

export const advanceCases: Cases = {
  ...Object.fromEntries(
    Object.entries(changes).map(([change, meanwhile]) => [
      `changes nothing once ${change}`,
      Effect.gen(function* () {
        const table = tallies()
        yield* writesNothing(table, yield* serve(table, rows), meanwhile)
      })
    ])
  ),

  "changes nothing once appends maintain the rows": Effect.gen(function* () {
    const table = tallies()
    yield* writesNothing(
      table,
      yield* serve(table, rows),
      onStore((store, _, claim) => store.makeInline(claim, Effect.void))
    )
  }),

  "changes nothing once another generation serves": Effect.gen(function* () {
    const table = tallies()
    const serving = yield* serve(table, rows)
    const next = yield* shadow(table, rows)
    yield* writesNothing(table, serving, () => switchTo(table, next))
  }),

  "changes nothing once the shadow serves": Effect.gen(function* () {
    const table = tallies()
    yield* serve(table, rows)
    yield* writesNothing(table, yield* shadow(table, rows), switchTo)
  }),

  "changes nothing once the shadow is begun again": Effect.gen(function* () {
    const table = tallies()
    yield* serve(table, rows)
    yield* writesNothing(
      table,
      yield* shadow(table, rows),
      onStore((store, _, claim) => store.restart(claim, LogId.make(SecureRandom.uuidV4Unsafe())))
    )
  }),

  "changes nothing in a partition whose checkpoint has moved": Effect.gen(function* () {
    const table = tallies()
    yield* serve(table)
    const claim = yield* begin(table, 2)
    const store = yield* ReadModelStore
    yield* take(store, table, claim, countUp(0, 1, "a"))
    yield* writesNothing(table, claim, () => take(store, table, claim, countUp(1, 2, "b")))
  }),

  "shows its rows and its checkpoint at the same time": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    const checkpoint = Effect.map(statesOf(table), ([state]) => Number(state?.checkpoints[0]))
    const LAST = 30
    const write = Effect.gen(function* () {
      for (let n = 1; n < LAST; n++) yield* take(store, table, claim, countUp(n, n + 1, "a"))
    })
    // Each step counts one more, so the count is the checkpoint. Both only grow, so the count lies
    // between the checkpoints before and after it.
    const read = Effect.gen(function* () {
      for (let last = 0; last < LAST;) {
        const earlier = yield* checkpoint
        const count = Number(yield* countOf(table, "a"))
        last = yield* checkpoint
        assert.isAtLeast(count, earlier)
        assert.isAtMost(count, last)
        yield* Effect.yieldNow
      }
    })
    yield* Effect.all([write, read], inParallel)
  }),

  "is asked after a load of no keys, which has no rows even when the claim is lost": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const claim = yield* serve(table, rows)
      yield* store.release(claim)
      const none = yield* store.load(table, claim, { partition: 0, from: at(1), keys: [] })
      assert.strictEqual(none.size, 0)
      yield* isLost(
        claim,
        store.advance(table, claim, {
          partition: 0,
          from: at(1),
          to: at(2),
          event: eventAt(2),
          changes: { upserts: [], deletions: [] },
          events: 0,
          eventsPerSecond: 0
        })
      )
    }
  )
}
