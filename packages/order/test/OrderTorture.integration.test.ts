import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Attacks from "./torture/attacks.ts"
import { inTurn, quietly } from "./torture/inTurn.ts"
import { failures, torture } from "./torture/torture.ts"

// Processes, a server and its recoveries, on a machine that has other work too.
describe("Orders on hosts and a server that are attacked", { timeout: 600_000 }, () => {
  it.live("are as their commands say after each kind of attack", () =>
    Effect.gen(function* () {
      const tortured = yield* torture(inTurn(Attacks.all))
      assert.deepStrictEqual([...tortured.attacks.keys()], Attacks.all)
      assert.isAtLeast(tortured.acknowledged, 20)
      assert.isAtLeast(tortured.rows, 20)
      assert.deepStrictEqual(tortured.audit.violations, [])
      assert.deepStrictEqual(failures(tortured), {
        "acknowledged commands lost": 0,
        "commands duplicated": 0,
        "events missed or reordered by subscribers": 0,
        "rows different": 0,
        "states, streams and events different": 0,
        "alterations of the log let through": 0,
        other: 0
      })
    }).pipe(Effect.scoped, quietly)
  )
})
