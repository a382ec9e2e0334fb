import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { forever } from "../src/internal/group/forever.ts"

it.effect("The pauses of a group are short again after a long run", () =>
  Effect.gen(function* () {
    const begun: Array<number> = []
    const run = Effect.gen(function* () {
      begun.push(yield* Clock.currentTimeMillis)
      // The seventh run lasts a minute.
      if (begun.length === 7) yield* Effect.sleep("1 minute")
      return yield* Effect.fail("down")
    })
    yield* Effect.forkScoped(forever("Group pauses", run))
    yield* TestClock.adjust("5 minutes")
    const between = begun.slice(1).map((at, index) => (at - (begun[index] ?? 0)) / 1_000)
    assert.deepStrictEqual(between.slice(0, 8), [1, 2, 4, 8, 16, 30, 61, 2])
  }).pipe(Effect.scoped)
)
