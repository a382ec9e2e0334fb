/**
 * Timers under a clock of the host that jumps, and goes back.
 */
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as assert from "../../assert.ts"
import {
  accountOf,
  type Cases,
  freshWorld,
  record,
  runIn,
  settle,
  untilIdle,
  type World
} from "./fixture.ts"

const HOUR = 3_600_000

/** Builds a clock that is `offset` milliseconds ahead of the current one, and can be set. */
const settable = Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
  let offset = 0
  const nanos = () => BigInt(offset) * 1_000_000n
  const skewed: Clock.Clock = {
    sleep: (duration) => clock.sleep(duration),
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + offset,
    currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + offset),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + nanos(),
    currentTimeNanos: Effect.sync(() => clock.currentTimeNanosUnsafe() + nanos()),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: Effect.sync(() => clock.monotonicTimeNanosUnsafe())
  }
  return {
    within: Effect.provideService(Clock.Clock, skewed),
    set: (millis: number) => Effect.sync(() => void (offset = millis))
  }
})

/** Sets the bell of the process to an hour from the real time, and returns that. */
const ringInAnHour = Effect.fnUntraced(function* (world: World) {
  const at = (yield* Clock.currentTimeMillis) + HOUR
  yield* record(world, "a", { _tag: "BellSet", at })
  return at
})

const rings = (world: World) =>
  Effect.map(
    accountOf(world, "a"),
    ({ history }) => history.filter((type) => type === "TimerFired").length
  )

/**
 * Returns 1 if a timer is due by the clock of the store: in memory that is the clock of the host,
 * and a database has its own, which no clock of a host changes.
 */
const dueRings = (at: number) =>
  Effect.flatMap(ProcessTimers, ({ now }) =>
    Effect.map(now, (instant) => (DateTime.toEpochMillis(instant) >= at ? 1 : 0))
  )

export const clockCases: Cases = {
  "fires a timer late that was due in the skipped time": Effect.gen(function* () {
    const world = freshWorld()
    const clock = yield* settable
    yield* record(world, "a", { _tag: "Opened" })
    const at = yield* ringInAnHour(world)
    const due = yield* Effect.scoped(
      Effect.gen(function* () {
        yield* runIn(world)
        yield* untilIdle(world)
        assert.strictEqual(yield* rings(world), 0)
        yield* clock.set(2 * HOUR)
        // Wakes the host, which would else look after a minute.
        yield* record(world, "b", { _tag: "Opened" }, { _tag: "BellSet", at: 0 })
        yield* untilIdle(world)
        return yield* dueRings(at)
      })
    ).pipe(clock.within)
    assert.strictEqual(yield* rings(world), due)
  }),

  "fires a timer once when it goes back": Effect.gen(function* () {
    const world = freshWorld()
    const clock = yield* settable
    yield* record(world, "a", { _tag: "Opened" })
    const at = yield* ringInAnHour(world)
    yield* clock.set(2 * HOUR)
    yield* clock.within(settle(world))
    const due = yield* clock.within(dueRings(at))
    assert.strictEqual(yield* rings(world), due)
    yield* clock.set(0)
    yield* clock.within(settle(world))
    assert.strictEqual(yield* rings(world), due, "after it went back")
  }),

  "lets a timer wait that is set after it went back": Effect.gen(function* () {
    const world = freshWorld()
    const clock = yield* settable
    yield* record(world, "a", { _tag: "Opened" })
    const first = yield* ringInAnHour(world)
    yield* clock.set(2 * HOUR)
    yield* clock.within(settle(world))
    const due = yield* clock.within(dueRings(first))
    yield* clock.set(0)
    const second = yield* ringInAnHour(world)
    yield* clock.within(settle(world))
    assert.strictEqual(yield* rings(world), due, "before it is due again")
    yield* clock.set(2 * HOUR)
    yield* clock.within(settle(world))
    assert.strictEqual(yield* rings(world), due + (yield* clock.within(dueRings(second))))
  }),

  "fires a timer once on hosts whose clocks differ": Effect.gen(function* () {
    const world = freshWorld()
    const [early, late] = [yield* settable, yield* settable]
    yield* early.set(2 * HOUR)
    yield* record(world, "a", { _tag: "Opened" })
    const at = yield* ringInAnHour(world)
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* late.within(runIn(world))
        yield* early.within(runIn(world))
        yield* late.within(untilIdle(world))
      })
    )
    // Either host may have had the slot of the process.
    yield* early.within(settle(world))
    assert.strictEqual(yield* rings(world), yield* early.within(dueRings(at)))
  })
}
