import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inTurn, quietly } from "./torture/inTurn.ts"
import type * as Attacks from "./torture/reacting/attacks.ts"
import { torture } from "./torture/reacting/torture.ts"

const kinds: ReadonlyArray<Attacks.Kind> = [
  "host-killed",
  "kafka-killed",
  "host-frozen",
  "nats-killed",
  "host-ended",
  "server-crashed"
]

it.live("The shop's reactors, processes and publishers do all their work through attacks", () =>
  Effect.gen(function* () {
    const { attacks, events, findings } = yield* torture(inTurn(kinds))
    assert.deepStrictEqual([...attacks.keys()], kinds)
    for (const type of ["TimerFired", "OrderReleased", "PaymentOverdue"]) {
      assert.isAbove(events.get(type) ?? 0, 0, type)
    }
    assert.deepStrictEqual(
      Object.fromEntries(findings),
      Object.fromEntries(Array.from(findings, ([line]) => [line, []]))
    )
  }).pipe(Effect.scoped, quietly)
)
