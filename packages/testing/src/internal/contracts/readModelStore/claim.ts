/**
 * The right to write a generation: claims, leases, and the loss of a claim.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as assert from "../../assert.ts"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
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
  LEASE,
  poison,
  reached,
  renew,
  runOut,
  serve,
  stateOf,
  step,
  switchTo,
  take,
  tallies,
  tally
} from "./fixture.ts"

export const claimCases: Cases = {
  "has one owner at a time": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const { serving } = yield* store.open(tallies())
    const claim = Option.getOrThrow(yield* store.claim(serving, "one", LEASE))
    const { generation, name } = serving
    assert.deepStrictEqual(claim, { name, generation, epoch: claim.epoch, lease: LEASE })
    assert.deepStrictEqual((yield* stateOf(claim)).owner, Option.some("one"))
    assert.deepStrictEqual(yield* store.claim(serving, "other", LEASE), Option.none())
    assert.deepStrictEqual((yield* stateOf(claim)).owner, Option.some("one"))
  }),

  "goes to one of several concurrent callers": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const { serving } = yield* store.open(tallies())
    for (let round = 0; round < 5; round++) {
      const owners = Array.from({ length: 8 }, (_, n) => `host ${n}`)
      const claims = yield* Effect.forEach(
        owners,
        (owner) => store.claim(serving, owner, LEASE),
        inParallel
      )
      const winners = owners.filter((_, n) => claims[n] !== undefined && Option.isSome(claims[n]))
      assert.lengthOf(winners, 1)
      assert.deepStrictEqual((yield* stateOf(serving)).owner, Option.fromUndefinedOr(winners[0]))
      yield* Effect.forEach(
        claims,
        Option.match({ onNone: () => Effect.void, onSome: store.release })
      )
    }
  }),

  "replaces an earlier claim of the same owner, which is lost": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const first = yield* serve(table)
    const again = yield* claimOf(first)
    assert.isAbove(again.epoch, first.epoch)
    yield* isLost(first, take(store, table, first, step(1, 2)))
    yield* isLost(first, renew(first))
    yield* take(store, table, again, step(1, 2))
  }),

  "is available to another host as soon as it is released": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const first = yield* serve(table)
    yield* store.release(first)
    assert.deepStrictEqual((yield* stateOf(first)).owner, Option.none())
    yield* isLost(first, take(store, table, first, step(1, 2)))
    yield* isLost(first, renew(first))
    const second = yield* claimOf(first, "another")
    assert.isAbove(second.epoch, first.epoch)
    // Releasing a lost claim again has no effect.
    yield* store.release(first)
    assert.deepStrictEqual((yield* stateOf(first)).owner, Option.some("another"))
    yield* take(store, table, second, step(1, 2))
  }),

  "goes to another host after its lease, and the previous holder can't write": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const paused = yield* serve(table)
      yield* take(store, table, paused, countUp(1, 2, "a"))
      yield* runOut(paused)
      assert.deepStrictEqual((yield* stateOf(paused)).owner, Option.none())
      const next = yield* claimOf(paused, "another")
      assert.isAbove(next.epoch, paused.epoch)

      // The paused process resumes. Nothing has informed it of the loss.
      yield* isLost(paused, take(store, table, paused, countUp(2, 3, "a")))
      yield* isLost(paused, renew(paused))
      yield* isLost(paused, store.stop(paused, poison(3)))
      yield* isLost(paused, store.makeInline(paused, Effect.void))
      yield* store.release(paused)
      const state = yield* stateOf(next)
      assert.deepStrictEqual(
        [state.owner, state.checkpoints, state.poison, state.mode],
        [Option.some("another"), [at(2)], Option.none(), "async"]
      )
      assert.strictEqual(yield* countOf(table, "a"), 1)
      yield* take(store, table, next, countUp(2, 3, "a"))
      yield* isLost(paused, take(store, table, paused, countUp(3, 4, "a")))
      assert.strictEqual(yield* countOf(table, "a"), 2)
    }
  ),

  "of a shadow goes to another host, which continues from its checkpoint": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* store.open(table)
    const dead = yield* begin(table)
    yield* take(store, table, dead, countUp(0, 5, "a"))
    yield* runOut(dead)
    const next = yield* claimOf(dead, "another")
    yield* isLost(dead, switchTo(table, dead))
    yield* take(store, table, next, countUp(5, 6, "a"))
    yield* switchTo(table, next)
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "stays with its owner after the lease until another host claims, and is renewed": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const claim = yield* serve(table)
      yield* runOut(claim)
      yield* renew(claim)
      assert.deepStrictEqual((yield* stateOf(claim)).owner, Option.some("a host"))
      assert.deepStrictEqual(yield* store.claim(claim, "another", LEASE), Option.none())
    }
  ),

  "is renewed together with others, of which some are lost": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const claims = yield* Effect.forEach([1, 2, 3], () => serve(tallies()))
    const [kept, released, moved] = claims
    if (kept === undefined || released === undefined || moved === undefined) return assert.fail("")
    yield* Effect.forEach(claims, runOut)
    yield* store.release(released)
    const outcomes = yield* store.renew([
      { claim: kept },
      { claim: released },
      { claim: moved, checkpoint: { from: at(1), to: reached(7) } }
    ])
    assert.deepStrictEqual(outcomes, ["renewed", "lost", "renewed"])
    const states = yield* Effect.forEach(claims, stateOf)
    assert.deepStrictEqual(
      states.map(({ anchors, checkpoints, owner }) => [checkpoints, anchors, owner]),
      [
        [[at(1)], [eventAt(1)], Option.some("a host")],
        [[at(1)], [eventAt(1)], Option.none()],
        [[at(7)], [eventAt(7)], Option.some("a host")]
      ]
    )
    assert.deepStrictEqual(yield* store.renew([]), [])
  }),

  "moves the checkpoint in a renewal like a step without rows": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    yield* take(store, table, claim, countUp(1, 3, "a", { eventsPerSecond: 5 }))
    yield* renew(claim, 3, 9)
    const state = yield* stateOf(claim)
    assert.deepStrictEqual(
      [state.checkpoints, state.anchors, state.events, state.eventsPerSecond],
      [[at(9)], [eventAt(9)], 2, 5]
    )
    assert.strictEqual(yield* countOf(table, "a"), 2)
    yield* take(store, table, claim, countUp(9, 10, "a"))
    // The renewal of a host that does not know of the step.
    yield* isLost(claim, renew(claim, 9, 12))
    yield* isLost(claim, renew(claim, 10, 9))
    yield* store.pause(table.name)
    yield* renew(claim)
    yield* isLost(claim, renew(claim, 10, 12))
    yield* store.resume(table.name)
    const next = yield* claimOf(claim)
    yield* isLost(claim, renew(claim, 10, 12))
    yield* renew(next, 10, 12)
    assert.deepStrictEqual((yield* stateOf(next)).checkpoints, [at(12)])
  }),

  "is renewed by a step": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    yield* runOut(claim)
    yield* take(store, table, claim, step(1, 2))
    assert.deepStrictEqual((yield* stateOf(claim)).owner, Option.some("a host"))
    assert.deepStrictEqual(yield* store.claim(claim, "another", LEASE), Option.none())
  }),

  "is renewed by a step of any partition": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* store.open(table)
    const claim = yield* begin(table, 3)
    for (const partition of [0, 1, 2]) {
      yield* runOut(claim)
      yield* take(store, table, claim, step(0, 1, { partition }))
      assert.deepStrictEqual(yield* store.claim(claim, "another", LEASE), Option.none())
    }
    yield* runOut(claim)
    yield* claimOf(claim, "another")
  }),

  "of the serving generation is independent of that of a shadow": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const serving = yield* serve(table)
    const shadow = yield* begin(table)
    yield* store.release(serving)
    yield* take(store, table, shadow, step(0, 1))
    yield* isLost(serving, take(store, table, serving, step(1, 2)))
    assert.deepStrictEqual((yield* stateOf(shadow)).owner, Option.some("a builder"))
  }),

  "is not granted for a missing or retired generation": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const before = yield* serve(table)
    for (const generation of [2, 999_999]) {
      const of = { name: table.name, generation }
      assert.deepStrictEqual(yield* store.claim(of, "a host", LEASE), Option.none())
    }
    yield* switchTo(table, yield* begin(table))
    assert.deepStrictEqual(yield* store.claim(before, "a host", LEASE), Option.none())
    yield* isLost(before, take(store, table, before, step(1, 2)))
    yield* isLost(before, renew(before))
  }),

  "of a dropped generation is not valid for the next one of the same number": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* store.open(table)
      const dropped = yield* begin(table)
      yield* take(store, table, dropped, countUp(0, 1, "a"))
      yield* store.drop(table.name, dropped.generation)
      const next = yield* begin(table)
      assert.strictEqual(next.generation, dropped.generation)
      yield* isLost(dropped, take(store, table, dropped, countUp(0, 1, "a")))
      yield* isLost(dropped, renew(dropped))
      yield* take(store, table, next, step(0, 1))
    }
  )
}
