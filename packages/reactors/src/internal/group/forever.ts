/**
 * Takes part in a group through its failures.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** From a second to half a minute. */
const pauses = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])

/** Begins the run of a group again after a failure, which is logged. */
export const forever = <E, R>(
  group: string,
  run: Effect.Effect<never, E, R>
): Effect.Effect<never, never, R> =>
  run.pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError(`Group ${group} begins again after a pause`, cause)
    ),
    Effect.sandbox,
    Effect.retry({ schedule: pauses, while: (cause) => !Cause.hasInterruptsOnly(cause) }),
    Effect.catch((cause) => Effect.failCause(cause as Cause.Cause<never>))
  )
