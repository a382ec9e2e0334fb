import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Attacks from "./torture/attacks.ts"
import { failures, torture } from "./torture/torture.ts"

/** The attacks in turn, each after some more commands have been answered: so it meets hosts at work, however slow they are. */
const inTurn = (kinds: ReadonlyArray<Attacks.Kind>) => {
  const left = kinds.values()
  let after = 0
  return (answered: () => number) =>
    Effect.gen(function* () {
      after = answered() + 20
      yield* Effect.repeat(Effect.sync(answered), {
        until: (count) => count >= after,
        schedule: Schedule.spaced("20 millis")
      })
      return Option.fromUndefinedOr(left.next().value)
    })
}

const quietly = Effect.provideService(References.MinimumLogLevel, "Warn")

// Processes, a server and recoveries of it, on a machine that does other things too.
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

  it.live("are found wrong where hosts forget the ids of commands, and may alter the log", () =>
    Effect.gen(function* () {
      const cuts = Array.from({ length: 12 }, (): Attacks.Kind => "way-reset")
      const tortured = yield* torture(inTurn(cuts), { broken: true })
      const messages = tortured.audit.violations.map(({ message }) => message).join("\n")
      assert.include(messages, "is of a command that nobody sent")
      assert.include(messages, "hosts may UPDATE daybook.events")
      assert.isAbove(failures(tortured)["alterations of the log let through"], 0)
    }).pipe(Effect.scoped, quietly)
  )
})
