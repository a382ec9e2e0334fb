import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Together from "../src/internal/runner/together.ts"

/** Makes a question whose calls are recorded, and answered when the test says so. */
const recorded = Effect.gen(function* () {
  const calls: Array<ReadonlyArray<string>> = []
  const gates: Array<Deferred.Deferred<void, string>> = []
  const ask = yield* Together.make((keys: ReadonlySet<string>) =>
    Effect.suspend(() => {
      const number = calls.push(Array.from(keys))
      const gate = Deferred.makeUnsafe<void, string>()
      gates.push(gate)
      return Effect.as(Deferred.await(gate), (key: string) => `${key} in call ${number}`)
    })
  )
  const open = (number: number, failure?: string) => {
    const gate = gates[number - 1]
    if (gate === undefined) return assert.fail(`there is no call ${number}`)
    return failure === undefined ? Deferred.succeed(gate, undefined) : Deferred.fail(gate, failure)
  }
  return { ask, calls, open }
})

/** Lets every fiber run until it waits. */
const settle = TestClock.adjust(0)

describe("Questions that are asked together", () => {
  it.effect("are one call, which has each key once", () =>
    Effect.gen(function* () {
      const { ask, calls, open } = yield* recorded
      const asking = yield* Effect.forEach(["a", "b", "a"], (key) => Effect.forkChild(ask(key)))
      yield* settle
      assert.deepStrictEqual(calls, [["a", "b"]])
      yield* open(1)
      assert.deepStrictEqual(yield* Effect.forEach(asking, (fiber) => Fiber.join(fiber)), [
        "a in call 1",
        "b in call 1",
        "a in call 1"
      ])
    })
  )

  it.effect("are answered by no call that began before", () =>
    Effect.gen(function* () {
      const { ask, calls, open } = yield* recorded
      const first = yield* Effect.forkChild(ask("a"))
      yield* settle
      const later = yield* Effect.forEach(["a", "b"], (key) => Effect.forkChild(ask(key)))
      yield* settle
      // One call is in flight at a time.
      assert.deepStrictEqual(calls, [["a"]])
      yield* open(1)
      assert.strictEqual(yield* Fiber.join(first), "a in call 1")
      yield* settle
      assert.deepStrictEqual(calls, [["a"], ["a", "b"]])
      yield* open(2)
      assert.deepStrictEqual(yield* Effect.forEach(later, (fiber) => Fiber.join(fiber)), [
        "a in call 2",
        "b in call 2"
      ])
    })
  )

  it.effect("all fail with their call, and the next ones do not", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* recorded
      const asking = yield* Effect.forEach(["a", "b"], (key) => Effect.forkChild(ask(key)))
      yield* settle
      yield* open(1, "no answer")
      assert.deepStrictEqual(
        yield* Effect.forEach(asking, (fiber) => Effect.flip(Fiber.join(fiber))),
        ["no answer", "no answer"]
      )
      const again = yield* Effect.forkChild(ask("a"))
      yield* settle
      yield* open(2)
      assert.strictEqual(yield* Fiber.join(again), "a in call 2")
    })
  )

  it.effect(
    "all fail with a call that throws before it is an effect, and the next ones do not",
    () =>
      Effect.gen(function* () {
        const thrown = new Error("a broken driver")
        let isBroken = true
        const ask = yield* Together.make((_keys: ReadonlySet<string>) => {
          if (isBroken) throw thrown
          return Effect.succeed((key: string) => `the answer to ${key}`)
        })
        const exits = yield* Effect.forEach(["a", "b"], (key) => Effect.exit(ask(key)), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(exits, [Exit.die(thrown), Exit.die(thrown)])
        isBroken = false
        assert.strictEqual(yield* ask("a"), "the answer to a")
      })
  )

  it.effect("go on when a fiber that asked gives up", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* recorded
      const patient = yield* Effect.forkChild(ask("a"))
      const impatient = yield* Effect.forkChild(ask("b"))
      yield* settle
      yield* Fiber.interrupt(impatient)
      yield* open(1)
      assert.strictEqual(yield* Fiber.join(patient), "a in call 1")
    })
  )
})
