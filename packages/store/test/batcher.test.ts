/**
 * Calls that are not answered, by a test clock.
 */
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Batcher from "../src/internal/batch/batcher.ts"

/** A batcher of one lane, where a call with a negative item waits for the latch. */
const make = Effect.gen(function* () {
  const calls: Array<ReadonlyArray<number>> = []
  const latch = Latch.makeUnsafe()
  const batcher = yield* Batcher.make<string, number, number, never>({
    call: (items) =>
      Effect.suspend(() => {
        calls.push(items)
        const answers = items.map((item) => Exit.succeed(item))
        return items.some((item) => item < 0)
          ? Effect.as(latch.await, answers)
          : Effect.succeed(answers)
      }),
    fitting: () => () => true,
    isOneItemsFault: () => false,
    keep: () => () => {},
    lanes: 1,
    patience: Duration.seconds(1)
  })
  const submit = (item: number) =>
    Effect.forkChild(batcher.submit("a", item), { startImmediately: true })
  return { batcher, calls, latch, submit }
})

it.effect("A call that is not answered delays the items after it for a bounded time", () =>
  Effect.gen(function* () {
    const { calls, latch, submit } = yield* make
    const hung = yield* submit(-1)
    const waiting = yield* Effect.forEach([1, 2], submit)
    yield* TestClock.adjust("900 millis")
    assert.deepStrictEqual(calls, [[-1]])
    yield* TestClock.adjust("1100 millis")
    assert.deepStrictEqual(yield* Effect.forEach(waiting, Fiber.join), [1, 2])
    assert.deepStrictEqual(calls, [[-1], [1, 2]])
    assert.strictEqual(yield* Fiber.join(yield* submit(3)), 3)
    assert.isUndefined(hung.pollUnsafe())
    yield* latch.open
    assert.strictEqual(yield* Fiber.join(hung), -1)
    assert.strictEqual(yield* Fiber.join(yield* submit(4)), 4)
    assert.deepStrictEqual(calls, [[-1], [1, 2], [3], [4]])
  }).pipe(Effect.scoped)
)

it.effect("So does an item alone, and another call after it", () =>
  Effect.gen(function* () {
    const { batcher, calls, latch, submit } = yield* make
    const alone = yield* Effect.forkChild(batcher.runOrSubmit("a", 0, Effect.as(latch.await, 0)), {
      startImmediately: true
    })
    const hung = yield* submit(-1)
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(calls, [[-1]])
    const waiting = yield* submit(1)
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(yield* Fiber.join(waiting), 1)
    yield* latch.open
    assert.deepStrictEqual(yield* Effect.forEach([alone, hung], Fiber.join), [0, -1])
    assert.deepStrictEqual(calls, [[-1], [1]])
  }).pipe(Effect.scoped)
)

it.effect(
  "A call that lasts is interrupted with the batcher, though others have gone beside it",
  () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { submit } = yield* Scope.provide(make, scope)
      const hung = yield* submit(-1)
      const next = yield* submit(1)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(next), 1)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(hung)))
    })
)
