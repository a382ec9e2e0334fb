import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Attacks from "./torture/attacks.ts"
import { inTurn, quietly } from "./torture/inTurn.ts"
import { failures, torture } from "./torture/torture.ts"

// Processes, a server and its recoveries, on a machine that has other work too.
describe("Orders on broken hosts that are attacked", { timeout: 600_000 }, () => {
  it.live("are found wrong where hosts forget the ids of commands, and may alter the log", () =>
    Effect.gen(function* () {
      const cuts = Array.from({ length: 12 }, (): Attacks.Kind => "way-reset")
      const tortured = yield* torture(inTurn(cuts), { broken: true })
      const messages = tortured.audit.violations.map(({ message }) => message).join("\n")
      assert.include(messages, "is of a command that no client sent")
      assert.include(messages, "hosts may UPDATE daybook.events")
      assert.isAbove(failures(tortured)["alterations of the log let through"], 0)
    }).pipe(Effect.scoped, quietly)
  )
})
