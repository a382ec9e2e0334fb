/**
 * The times at which a subscription polls, and its waits, by a test clock.
 */
import * as LogId from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as PostgresWakeUps from "../src/internal/postgres/live/wakeUps.ts"
import type { Poll } from "@daybook/store/driver/EventStoreDriver"
import { pages, type Source } from "../src/internal/driver/subscription.ts"
import * as WakeUps from "@daybook/store/driver/WakeUps"

const upTo = (position: number, caughtUp: boolean): Poll => ({
  events: [],
  checkpoint: {
    log: LogId.make("00000000-0000-4000-8000-000000000000"),
    position: Position.make(BigInt(position)),
    event: null
  },
  caughtUp,
  blockedByOpenAppend: false
})

/** Returns the polls in turn, and then the last one again and again. */
const showing = (
  polls: ReadonlyArray<Poll>,
  during: (poll: number) => void,
  latch: Latch.Latch
) => {
  let taken = 0
  const source: Source<never> = {
    polls: () => () =>
      Effect.sync(() => {
        during(taken)
        return polls[Math.min(taken++, polls.length - 1)] ?? upTo(0, true)
      }),
    wakeUps: { join: Effect.succeed(latch), wait: (own) => own.await },
    alone: Effect.succeed(false)
  }
  return { source, taken: () => taken }
}

const end = (stream: ReturnType<typeof pages>) =>
  Effect.map(
    Stream.runLast(stream),
    Option.map(({ position }) => Number(position))
  )

it.effect("polls again when it was woken during a poll that found nothing", () =>
  Effect.gen(function* () {
    const latch = Latch.makeUnsafe()
    const { source } = showing(
      [upTo(0, true), upTo(1, true)],
      (poll) => void (poll === 0 && latch.openUnsafe()),
      latch
    )
    const fiber = yield* Effect.forkChild(end(Stream.take(pages(source, {}), 1)))
    for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
    assert.isDefined(fiber.pollUnsafe())
    assert.deepStrictEqual(yield* Fiber.join(fiber), Option.some(1))
  })
)

it.effect("reads on without waiting until it has caught up, and then waits to be woken", () =>
  Effect.gen(function* () {
    const latch = Latch.makeUnsafe()
    const { source, taken } = showing(
      [upTo(1, false), upTo(2, false), upTo(3, true), upTo(4, true)],
      () => {},
      latch
    )
    const fiber = yield* Effect.forkChild(end(Stream.take(pages(source, {}), 4)))
    for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
    assert.strictEqual(taken(), 3)
    latch.openUnsafe()
    assert.deepStrictEqual(yield* Fiber.join(fiber), Option.some(4))
  })
)

it.effect("polls no more than its consumer asks, however often it is woken", () =>
  Effect.gen(function* () {
    const wakeUps = WakeUps.make()
    const latch = yield* wakeUps.join
    const { source, taken } = showing(
      [1, 2, 3, 4].map((n) => upTo(n, true)),
      () => {},
      latch
    )
    const consumer = Latch.makeUnsafe()
    const fiber = yield* pages(source, {}).pipe(
      Stream.take(2),
      Stream.runForEach(() => consumer.await),
      Effect.forkChild
    )
    for (let turn = 0; turn < 100; turn++) {
      yield* Effect.yieldNow
      wakeUps.wakeAllUnsafe()
    }
    assert.strictEqual(taken(), 1)
    consumer.openUnsafe()
    yield* Fiber.join(fiber)
    assert.strictEqual(taken(), 2)
  }).pipe(Effect.scoped)
)

/** The wait of a subscriber in PostgreSQL, whose poll interval is a second. */
const waiting = (blockedPolls: number) =>
  Effect.gen(function* () {
    const wakeUps = WakeUps.make()
    yield* yield* PostgresWakeUps.ticks(wakeUps.wakeAllUnsafe, Duration.seconds(1))
    yield* PostgresWakeUps.wait(yield* wakeUps.join, blockedPolls)
  }).pipe(Effect.scoped)

for (const [blockedPolls, millis] of [
  [0, 1_000],
  [1, 10],
  [2, 20],
  [5, 160],
  [7, 640],
  [8, 1_000],
  [1_000, 1_000]
] as const) {
  it.effect(
    `polls again after ${millis} ms when an open append blocked ${blockedPolls} polls`,
    () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(waiting(blockedPolls), { startImmediately: true })
        yield* TestClock.adjust(Duration.millis(millis - 1))
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(Duration.millis(1))
        yield* Fiber.join(fiber)
      })
  )
}

it.effect("polls every interval as long as one subscriber is left", () =>
  Effect.gen(function* () {
    let ticked = 0
    const tick = yield* PostgresWakeUps.ticks(() => ticked++, Duration.seconds(1))
    yield* TestClock.adjust(Duration.seconds(5))
    assert.strictEqual(ticked, 0)
    const [one, other] = [yield* Scope.make(), yield* Scope.make()]
    yield* Scope.provide(tick, one)
    yield* TestClock.adjust(Duration.millis(500))
    yield* Scope.provide(tick, other)
    yield* TestClock.adjust(Duration.millis(500))
    assert.strictEqual(ticked, 1)
    yield* Scope.close(one, Exit.void)
    yield* TestClock.adjust(Duration.seconds(2))
    assert.strictEqual(ticked, 3)
    yield* Scope.close(other, Exit.void)
    yield* TestClock.adjust(Duration.seconds(2))
    assert.strictEqual(ticked, 3)
  }).pipe(Effect.scoped)
)
