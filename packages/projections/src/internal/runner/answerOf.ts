/**
 * A limit on the time that a store takes to answer a call which many fibers wait for.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * Far longer than a look takes. Without a limit, one half-open connection would halt all read
 * models of a host.
 */
const PATIENCE = Duration.minutes(1)

/**
 * Waits for the answer of a call for at most `patience`, then interrupts it. It does not wait for
 * the interruption: that asks the server to cancel the statement, which takes long where the server
 * hangs.
 */
export const answerOf = <A, E>(
  call: Effect.Effect<A, E>,
  failed: (cause: Error) => E,
  patience: Duration.Duration = PATIENCE
): Effect.Effect<A, E, Scope.Scope> =>
  Effect.flatMap(Effect.forkScoped(call), (fiber) =>
    Effect.timeoutOrElse(Fiber.join(fiber), {
      duration: patience,
      orElse: () =>
        Effect.suspend(() => {
          fiber.interruptUnsafe()
          return Effect.fail(failed(new Error(`no answer in ${Duration.format(patience)}`)))
        })
    })
  )
