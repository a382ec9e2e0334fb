import * as Projection from "@daybook/kernel/Projection"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as ChangeSignal from "../src/internal/runner/changeSignal.ts"

const name = Projection.Name.make("orders")
const other = Projection.Name.make("customers")

/** Makes a look that counts its runs and finds what the test sets. */
const searched = () => {
  const state = { found: undefined as string | undefined, looks: 0 }
  const look = Effect.sync(() => {
    state.looks++
    return state.found
  })
  return { state, look }
}

/** Lets every fiber run until it waits. */
const settle = TestClock.adjust(0)

describe("What waits for a change", () => {
  it.effect("looks once, and waits for nothing when it finds something", () =>
    Effect.gen(function* () {
      const { look, state } = searched()
      state.found = "a row"
      assert.strictEqual(yield* ChangeSignal.make().until(name, "state", look), "a row")
      assert.strictEqual(state.looks, 1)
    })
  )

  it.effect("looks again whenever its read model changed, until it finds something", () =>
    Effect.gen(function* () {
      const changes = ChangeSignal.make()
      const { look, state } = searched()
      const waits = yield* Effect.forkChild(changes.until(name, "state", look), {
        startImmediately: true
      })
      assert.strictEqual(state.looks, 1)
      changes.notifyUnsafe(name, "state")
      yield* settle
      assert.strictEqual(state.looks, 2)
      state.found = "a row"
      changes.notifyUnsafe(name, "state")
      assert.strictEqual(yield* Fiber.join(waits), "a row")
      assert.strictEqual(state.looks, 3)
    })
  )

  it.effect("is not woken by a change that does not concern it", () =>
    Effect.gen(function* () {
      const changes = ChangeSignal.make()
      const loop = searched()
      const waiter = searched()
      yield* Effect.forkChild(changes.until(name, "state", loop.look), { startImmediately: true })
      yield* Effect.forkChild(changes.until(name, "step", waiter.look), { startImmediately: true })
      changes.notifyUnsafe(other, "state")
      yield* settle
      assert.deepStrictEqual([loop.state.looks, waiter.state.looks], [1, 1])
      // A step concerns those who wait for a position, and a change of the state all.
      changes.notifyUnsafe(name, "step")
      yield* settle
      assert.deepStrictEqual([loop.state.looks, waiter.state.looks], [1, 2])
      changes.notifyUnsafe(name, "state")
      yield* settle
      assert.deepStrictEqual([loop.state.looks, waiter.state.looks], [2, 3])
    })
  )

  it.effect("looks again when all are woken, since other processes send no notice", () =>
    Effect.gen(function* () {
      const changes = ChangeSignal.make()
      const waiting = [searched(), searched()] as const
      yield* Effect.forkChild(changes.until(name, "state", waiting[0].look), {
        startImmediately: true
      })
      yield* Effect.forkChild(changes.until(other, "step", waiting[1].look), {
        startImmediately: true
      })
      changes.notifyAllUnsafe()
      yield* settle
      changes.notifyAllUnsafe()
      yield* settle
      assert.deepStrictEqual(
        waiting.map(({ state }) => state.looks),
        [3, 3]
      )
    })
  )

  it.effect("misses no change that comes while it looks", () =>
    Effect.gen(function* () {
      const changes = ChangeSignal.make()
      const { look, state } = searched()
      const meanwhile = Effect.tap(look, () =>
        Effect.sync(() => {
          if (state.looks > 1) return
          state.found = "a row"
          changes.notifyUnsafe(name, "state")
        })
      )
      assert.strictEqual(yield* changes.until(name, "state", meanwhile), "a row")
      assert.strictEqual(state.looks, 2)
    })
  )

  it.effect("is interrupted at the end of the runner, as is all that waits later", () =>
    Effect.gen(function* () {
      const changes = ChangeSignal.make()
      const { look, state } = searched()
      const wait = changes.until(name, "step", look)
      const early = yield* Effect.forkChild(wait, { startImmediately: true })
      changes.closeUnsafe()
      const late = yield* Effect.forkChild(wait)
      for (const exit of [yield* Fiber.await(early), yield* Fiber.await(late)]) {
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      }
      assert.strictEqual(state.looks, 2)
    })
  )

  it.effect("passes on why it can't look", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ChangeSignal.make().until(name, "step", Effect.fail("no")))
      assert.strictEqual(error, "no")
    })
  )
})
