import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Limiter from "../src/internal/batch/limiter.ts"

const settle = Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })

it.effect("A door lets in by the order in which they came", () =>
  Effect.gen(function* () {
    const enter = Limiter.make(2)
    const entered: Array<number> = []
    const gates = yield* Effect.replicateEffect(Deferred.make<void>(), 5)
    const fibers = yield* Effect.forEach(gates, (gate, n) =>
      Effect.forkChild(
        enter(
          Effect.andThen(
            Effect.sync(() => entered.push(n)),
            Deferred.await(gate)
          )
        ),
        { startImmediately: true }
      )
    )
    const open = (n: number) =>
      Effect.andThen(
        Effect.forEach(gates.slice(n, n + 1), (gate) => Deferred.succeed(gate, undefined)),
        settle
      )
    assert.deepStrictEqual(entered, [0, 1])
    yield* open(1)
    assert.deepStrictEqual(entered, [0, 1, 2])
    yield* open(4)
    yield* open(0)
    assert.deepStrictEqual(entered, [0, 1, 2, 3])
    yield* open(3)
    yield* open(2)
    yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(entered, [0, 1, 2, 3, 4])
  })
)

it.effect("A door loses no place, whichever caller is interrupted, and when", () =>
  Effect.gen(function* () {
    const enter = Limiter.make(1)
    for (let steps = 0; steps < 12; steps++) {
      const gate = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(enter(Deferred.await(gate)), { startImmediately: true })
      const second = yield* Effect.forkChild(enter(Effect.never), { startImmediately: true })
      const third = yield* Effect.forkChild(enter(Effect.void), { startImmediately: true })
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.replicateEffect(Effect.yieldNow, steps, { discard: true })
      yield* Fiber.interrupt(second)
      yield* Fiber.join(first)
      yield* Fiber.join(third)
    }
    yield* enter(Effect.void)
  })
)

it.effect("A door lets in any number of those that don't wait inside", () =>
  Effect.gen(function* () {
    const enter = Limiter.make(1)
    let entered = 0
    const gate = yield* Deferred.make<void>()
    const first = yield* Effect.forkChild(enter(Deferred.await(gate)), { startImmediately: true })
    const fibers = yield* Effect.replicateEffect(
      Effect.forkChild(enter(Effect.sync(() => entered++)), { startImmediately: true }),
      20_000
    )
    yield* Deferred.succeed(gate, undefined)
    yield* Effect.forEach(fibers, Fiber.join)
    yield* Fiber.join(first)
    assert.strictEqual(entered, 20_000)
  })
)

it("A door has a place at least", () => {
  for (const wrong of [0, -1, Number.NaN]) {
    assert.throws(() => Limiter.make(wrong), `places are ${wrong}, allowed is 1 or more`)
  }
})
