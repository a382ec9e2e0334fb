import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Changes from "../src/internal/runner/changeSignal.ts"

/** Makes a look that counts its runs and finds what the test sets. */
const searched = () => {
  const state = { found: undefined as string | undefined, looks: 0 }
  const look = Effect.sync(() => {
    state.looks++
    return state.found
  })
  return { state, look }
}

describe("What waits for a change", () => {
  it.effect("looks once, and waits for nothing when it finds something", () =>
    Effect.gen(function* () {
      const { look, state } = searched()
      state.found = "a row"
      assert.strictEqual(yield* Changes.make().until(look, Duration.hours(1)), "a row")
      assert.strictEqual(state.looks, 1)
    })
  )

  it.effect("looks again whenever something changed, until it finds something", () =>
    Effect.gen(function* () {
      const changes = Changes.make()
      const { look, state } = searched()
      const waits = yield* Effect.forkChild(changes.until(look, Duration.hours(1)), {
        startImmediately: true
      })
      assert.strictEqual(state.looks, 1)
      changes.notifyUnsafe()
      yield* TestClock.adjust(0)
      assert.strictEqual(state.looks, 2)
      state.found = "a row"
      changes.notifyUnsafe()
      assert.strictEqual(yield* Fiber.join(waits), "a row")
      assert.strictEqual(state.looks, 3)
    })
  )

  it.effect("looks again each interval, since other processes send no notice", () =>
    Effect.gen(function* () {
      const { look, state } = searched()
      const waits = yield* Effect.forkChild(Changes.make().until(look, Duration.seconds(1)), {
        startImmediately: true
      })
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(state.looks, 3)
      state.found = "a row"
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* Fiber.join(waits), "a row")
    })
  )

  it.effect("misses no change that comes while it looks", () =>
    Effect.gen(function* () {
      const changes = Changes.make()
      const { look, state } = searched()
      const meanwhile = Effect.tap(look, () =>
        Effect.sync(() => {
          if (state.looks > 1) return
          state.found = "a row"
          changes.notifyUnsafe()
        })
      )
      assert.strictEqual(yield* changes.until(meanwhile, Duration.hours(1)), "a row")
      assert.strictEqual(state.looks, 2)
    })
  )

  it.effect("passes on why it can't look", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Changes.make().until(Effect.fail("no"), Duration.hours(1)))
      assert.strictEqual(error, "no")
    })
  )
})
