/**
 * A bound on the time that a host waits for an effect.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * Returns the answer of the effect, or none after `millis`. The effect is then interrupted, and its
 * end is not awaited: a statement on a dead connection takes seconds to be cancelled, in which the
 * leases of the host end. An interruption of the caller does await it.
 */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  millis: number
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.uninterruptibleMask(
    Effect.fnUntraced(function* (restore) {
      const outcome = Deferred.makeUnsafe<Option.Option<A>, E>()
      // Detached: the caller may be uninterruptible, which the race of a timeout would inherit.
      const fiber = yield* Effect.forkDetach(effect)
      fiber.addObserver((exit) => Deferred.doneUnsafe(outcome, Exit.map(exit, Option.some)))
      const alarm = yield* Effect.forkDetach(
        Effect.andThen(Effect.sleep(millis), Deferred.succeed(outcome, Option.none()))
      )
      return yield* restore(Deferred.await(outcome)).pipe(
        Effect.onInterrupt(() => Fiber.interrupt(fiber)),
        Effect.ensuring(
          Effect.sync(() => {
            fiber.interruptUnsafe()
            alarm.interruptUnsafe()
          })
        )
      )
    })
  )
