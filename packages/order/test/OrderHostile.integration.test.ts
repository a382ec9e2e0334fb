import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import type * as Attacks from "./torture/attacks.ts"
import { failures, torture } from "./torture/torture.ts"

// Processes, a server and users who take its locks, on a machine that does other things too.
describe("Orders beside users with fewer rights, who attack", { timeout: 600_000 }, () => {
  it.live("go on, and are as their commands say", () =>
    Effect.gen(function* () {
      const kinds: ReadonlyArray<Attacks.Kind> = ["connection-terminated", "host-killed"]
      const left = kinds.values()
      const tortured = yield* torture(
        (answered) =>
          Effect.gen(function* () {
            const after = answered() + 20
            yield* Effect.repeat(Effect.sync(answered), {
              until: (count) => count >= after,
              schedule: Schedule.spaced("20 millis")
            })
            return Option.fromUndefinedOr(left.next().value)
          }),
        { hostile: true }
      )
      assert.deepStrictEqual(tortured.audit.violations, [])
      assert.deepStrictEqual(Object.values(failures(tortured)), [0, 0, 0, 0, 0, 0, 0])
      const tried = [...tortured.hostile.values()]
      assert.isAbove(
        tried.reduce((sum, { refused }) => sum + refused, 0),
        0
      )
      assert.isAbove(
        tried.reduce((sum, { done }) => sum + done, 0),
        0
      )
    }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "Warn"))
  )
})
