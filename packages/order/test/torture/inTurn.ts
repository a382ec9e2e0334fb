/**
 * Chooses the attacks of a test, and their times.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"

/**
 * Returns the attacks in turn, each after some more commands have been answered, so that it meets
 * working hosts, however slow they are.
 */
export const inTurn = <Kind>(kinds: ReadonlyArray<Kind>) => {
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

export const quietly = Effect.provideService(References.MinimumLogLevel, "Warn")
