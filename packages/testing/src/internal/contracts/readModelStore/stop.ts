/**
 * The stops of a read model: by a poison event, and by an operator.
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
  isLost,
  LEASE,
  poison,
  renew,
  serve,
  stateOf,
  statesOf,
  step,
  switchTo,
  take,
  tallies
} from "./fixture.ts"

export const stopCases: Cases = {
  "is stopped by an event until it is resumed, and reports the event": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    yield* store.stop(claim, poison(2))
    const stopped = yield* stateOf(claim)
    assert.deepStrictEqual(
      [stopped.poison, stopped.owner, stopped.checkpoints],
      [Option.some(poison(2)), Option.none(), [at(1)]]
    )
    assert.deepStrictEqual(yield* store.claim(claim, "a host", LEASE), Option.none())
    yield* isLost(claim, take(store, table, claim, step(1, 2)))
    yield* isLost(claim, renew(claim))
    yield* isLost(claim, store.stop(claim, poison(9)))
    yield* store.resume(table.name)
    assert.deepStrictEqual((yield* stateOf(claim)).poison, Option.none())
    yield* isLost(claim, take(store, table, claim, step(1, 2)))
    yield* take(store, table, yield* claimOf(claim), countUp(1, 2, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "can be claimed to retry the event that stopped it, and not to retry another event or code":
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const claim = yield* serve(table)
      const by = (code: string) => ({ stoppedBy: { owner: "an old host", code, build: "v1" } })
      yield* store.stop(claim, poison(2, by("old")))
      const stopped = (yield* stateOf(claim)).poison
      assert.deepStrictEqual(stopped, Option.some(poison(2, by("old"))))
      for (const other of [poison(3, by("old")), poison(2, by("new")), poison(2)]) {
        const refused = yield* store.claim(claim, "a host", LEASE, other)
        assert.deepStrictEqual(refused, Option.none())
      }
      yield* store.pause(table.name)
      assert.deepStrictEqual(
        yield* store.claim(claim, "a host", LEASE, poison(2, by("old"))),
        Option.none()
      )
      yield* store.resume(table.name)
      yield* store.stop(yield* claimOf(claim), poison(2, by("old")))
      const again = Option.getOrThrow(
        yield* store.claim(claim, "a host", LEASE, poison(2, by("old")))
      )
      const state = yield* stateOf(claim)
      assert.deepStrictEqual([state.poison, state.owner], [Option.none(), Option.some("a host")])
      assert.deepStrictEqual(yield* store.claim(claim, "an old host", LEASE), Option.none())
      yield* take(store, table, again, countUp(1, 2, "a"))
      // A poison that names no code is tried again by a host that names none either.
      yield* store.stop(again, poison(3))
      assert.isTrue(Option.isSome(yield* store.claim(claim, "a host", LEASE, poison(3))))
    }),

  "reports its poison as it was recorded, whatever the text": Effect.gen(function* () {
    const store = yield* ReadModelStore
    for (const fields of [
      { reason: "Undecodable", issue: "" },
      { reason: "NoRow", issue: "two\nlines, \"quotes\", \\, 'more' and \u{1F9FE} beyond" },
      { reason: "Threw", issue: "x".repeat(10_000) },
      { position: at(2 ** 53 + 2), streamId: "till-Zoë", revision: 2_147_483_647 }
    ] as const) {
      const table = tallies()
      const claim = yield* serve(table)
      const told = poison(2, fields)
      yield* store.stop(claim, told)
      assert.deepStrictEqual((yield* stateOf(claim)).poison, Option.some(told))
    }
  }),

  "stops without its shadow and other read models": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const claim = yield* serve(table)
    const shadow = yield* begin(table)
    const elsewhere = yield* serve(other)
    yield* store.stop(claim, poison(2))
    yield* take(store, table, shadow, step(0, 1))
    yield* take(store, other, elsewhere, step(1, 2))
    const states = yield* statesOf(table)
    assert.deepStrictEqual(
      states.map(({ owner, poison }) => [Option.isSome(owner), Option.isSome(poison)]),
      [
        [false, true],
        [true, false]
      ]
    )
  }),

  "takes no step while it is paused, and continues from its checkpoint": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    const shadow = yield* begin(table)
    yield* store.pause(table.name)
    yield* isLost(claim, take(store, table, claim, countUp(1, 2, "a")))
    yield* isLost(shadow, take(store, table, shadow, countUp(0, 1, "a")))
    yield* isLost(shadow, switchTo(table, shadow))
    assert.deepStrictEqual(
      (yield* statesOf(table)).map(({ paused }) => paused),
      [true, true]
    )
    assert.deepStrictEqual(yield* store.claim(claim, "a host", LEASE), Option.none())
    yield* store.pause(table.name)
    yield* store.resume(table.name)
    assert.deepStrictEqual(
      (yield* statesOf(table)).map(({ paused }) => paused),
      [false, false]
    )
    yield* take(store, table, yield* claimOf(claim), countUp(1, 2, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "is paused with its later shadows, without other read models": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const elsewhere = yield* serve(other)
    yield* serve(table)
    yield* store.pause(table.name)
    const { shadow } = yield* store.open(tallies({ name: table.name, version: 2 }))
    assert.isTrue(Option.getOrThrow(shadow).paused)
    const begun = yield* store.beginShadow(table, { parallelism: 1, owner: "a host", lease: LEASE })
    assert.deepStrictEqual([begun.shadow.paused, begun.claim], [true, Option.none()])
    assert.isFalse((yield* stateOf(elsewhere)).paused)
    yield* take(store, other, elsewhere, step(1, 2))
  }),

  "can be paused and stopped at once, and one resume ends both": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    yield* store.stop(claim, poison(2))
    yield* store.pause(table.name)
    const { paused, poison: told } = yield* stateOf(claim)
    assert.deepStrictEqual([paused, told], [true, Option.some(poison(2))])
    yield* store.resume(table.name)
    yield* claimOf(claim)
  }),

  "ignores a pause or resume before it exists": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* store.pause(table.name)
    yield* store.resume(table.name)
    yield* store.pause(table.name)
    assert.deepStrictEqual(yield* statesOf(table), [])
    yield* take(store, table, yield* serve(table), step(1, 2))
  })
}
