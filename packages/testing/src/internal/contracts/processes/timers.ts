/**
 * The timers of processes, and the store of them.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import { type ProcessTimer, ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { MinimumLogLevel } from "effect/References"
import * as assert from "../../assert.ts"
import {
  type Account,
  accountOf,
  type Cases,
  freshWorld,
  record,
  runIn,
  settle,
  untilAccount
} from "./fixture.ts"

const ALL = { first: 0, last: 1_023 }
const at = (millis: number): DateTime.Utc => DateTime.makeUnsafe(millis)
/** A year that no test sees. */
const FAR = DateTime.toEpochMillis(DateTime.makeUnsafe({ year: 2200 }))

const timerOf = (id: string, setting: number, due: number): ProcessTimer => ({
  streamId: StreamId.StreamId.make(`process_suite-${id}`),
  timer: "bell",
  setting,
  due: at(due),
  slot: 7
})

const freshName = () => `suite_${SecureRandom.uuidV4Unsafe().slice(0, 8)}`

export const timerCases: Cases = {
  "fires when it is due, once": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", { _tag: "Opened" }, { _tag: "BellSet", at: 0 })
    yield* settle(world)
    yield* settle(world)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(2), ["EventReceived", "TimerSet", "TimerFired", "Rang"])
  }),

  "does not fire before it is due": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", { _tag: "Opened" }, { _tag: "BellSet", at: FAR })
    yield* settle(world)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(2), ["EventReceived", "TimerSet"])
    const timers = yield* ProcessTimers
    const { next, pending } = yield* timers.status(world.process.name)
    assert.strictEqual(pending, 1)
    assert.deepStrictEqual(Option.map(next, DateTime.toEpochMillis), Option.some(FAR))
  }),

  "is replaced when it is set again": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", { _tag: "Opened" }, { _tag: "BellSet", at: FAR })
    yield* settle(world)
    yield* record(world, "a", { _tag: "BellSet", at: 0 })
    yield* settle(world)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(4), ["EventReceived", "TimerSet", "TimerFired", "Rang"])
  }),

  "does not fire when it is cancelled": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", { _tag: "Opened" }, { _tag: "BellSet", at: FAR })
    // The timer is in the store before it is cancelled.
    yield* settle(world)
    yield* record(world, "a", { _tag: "BellStopped" })
    yield* settle(world)
    const timers = yield* ProcessTimers
    assert.strictEqual((yield* timers.status(world.process.name)).pending, 0)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(4), ["EventReceived", "TimerCancelled"])
  }),

  "stays due while its step fails, and does not hold others back": Effect.gen(function* () {
    const world = freshWorld()
    for (const id of ["a", "b"]) {
      yield* record(world, id, { _tag: "Opened" }, { _tag: "BellSet", at: FAR })
    }
    yield* settle(world)
    const rang = (account: Account) => account.history.includes("Rang")
    world.faulty.add("a")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const timers = yield* ProcessTimers
        const pending = yield* timers.next(world.process.name, ALL, 2)
        // The table says that they are due, and the processes don't mind.
        yield* timers.apply(
          world.process.name,
          pending.map((timer) => ({ ...timer, due: at(0) }))
        )
        yield* runIn(world)
        yield* untilAccount(world, "b", rang)
        assert.isFalse(rang(yield* accountOf(world, "a")))
        world.faulty.delete("a")
        yield* untilAccount(world, "a", rang)
      })
    ).pipe(Effect.provideService(MinimumLogLevel, "None"))
  }),

  "is cancelled by the end of its process": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", { _tag: "Opened" }, { _tag: "BellSet", at: FAR })
    yield* settle(world)
    yield* record(world, "a", { _tag: "Closed" })
    yield* settle(world)
    const timers = yield* ProcessTimers
    assert.strictEqual((yield* timers.status(world.process.name)).pending, 0)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(-2), ["TimerCancelled", "ProcessEnded"])
  })
}

export const timerStoreCases: Cases = {
  "returns the timers that are due first": Effect.gen(function* () {
    const timers = yield* ProcessTimers
    const name = freshName()
    const [late, early, middle] = [
      timerOf("a", 1, 3_000),
      timerOf("b", 1, 1_000),
      timerOf("c", 1, 2_000)
    ]
    yield* timers.apply(name, [late, early, middle])
    assert.deepStrictEqual(yield* timers.next(name, ALL, 2), [early, middle])
  }),

  "replaces a timer of the same name and process": Effect.gen(function* () {
    const timers = yield* ProcessTimers
    const name = freshName()
    yield* timers.apply(name, [timerOf("a", 1, 1_000)])
    yield* timers.apply(name, [timerOf("a", 2, 2_000)])
    assert.deepStrictEqual(yield* timers.next(name, ALL, 9), [timerOf("a", 2, 2_000)])
  }),

  "clears a timer": Effect.gen(function* () {
    const timers = yield* ProcessTimers
    const name = freshName()
    const [one, other] = [timerOf("a", 1, 1_000), timerOf("b", 1, 2_000)]
    yield* timers.apply(name, [one, other])
    yield* timers.apply(name, [{ streamId: one.streamId, timer: "bell" }])
    assert.deepStrictEqual(yield* timers.next(name, ALL, 9), [other])
  }),

  "removes a timer, and not a later setting of it": Effect.gen(function* () {
    const timers = yield* ProcessTimers
    const name = freshName()
    const [one, other] = [timerOf("a", 1, 1_000), timerOf("b", 2, 2_000)]
    yield* timers.apply(name, [one, other])
    yield* timers.remove(name, [one, timerOf("b", 1, 500)])
    assert.deepStrictEqual(yield* timers.next(name, ALL, 9), [other])
  }),

  "leaves out other slots and other process managers": Effect.gen(function* () {
    const timers = yield* ProcessTimers
    const name = freshName()
    yield* timers.apply(name, [timerOf("a", 1, 1_000)])
    assert.deepStrictEqual(yield* timers.next(name, { first: 0, last: 6 }, 9), [])
    assert.deepStrictEqual(yield* timers.next(name, { first: 8, last: 1_023 }, 9), [])
    assert.deepStrictEqual(yield* timers.next(freshName(), ALL, 9), [])
    assert.strictEqual((yield* timers.next(name, { first: 7, last: 7 }, 9)).length, 1)
  })
}
