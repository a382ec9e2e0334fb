/**
 * The operator of the read models, who acts on their status: skips an event that makes a row too
 * large, and rebuilds rows of a history that the log no longer has. The hosts themselves resolve
 * the stop of an old host.
 */
import type { ProjectionStopped, WaitTimedOut } from "@daybook/projections/ProjectionStatus"
import type { Projections, RunnerError } from "@daybook/projections/Projections"
import type { Poison } from "@daybook/projections/driver/ReadModelGeneration"
import type { HistoryChanged } from "@daybook/projections/ReadModelError"
import type { Position } from "@daybook/kernel/Position"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { REASON } from "./ballast.ts"
import { came, type Plan } from "./plan.ts"

type Runner = Projections["Service"]

/** Builds the operator. `isBallast` returns whether the rows of a read model may be too large. */
export const make = (plan: Plan, isBallast: (name: string) => boolean) => {
  /** Skips a poison event. It may meanwhile be lost with its history, or already be in the rows. */
  const skip = (runner: Runner, name: string, { position, reason }: Poison) =>
    isBallast(name) && reason === "NoRow"
      ? Effect.catchTag(
          runner.skip(name, position, REASON),
          ["AlreadyFolded", "NoEventToSkip"],
          () => Effect.void
        )
      : Effect.void

  /** Acts on the status of a read model. */
  const tend = Effect.fnUntraced(function* (runner: Runner, name: string) {
    const { mismatch, poison } = yield* runner.status(name)
    if (Option.isSome(mismatch)) {
      return yield* Stream.runDrain(runner.rebuild(name)).pipe(
        // The rebuild meets the same poison event as the rows before it.
        Effect.catchTag("ProjectionStopped", (stopped) => skip(runner, name, stopped.poison))
      )
    }
    if (Option.isSome(poison)) yield* skip(runner, name, poison.value)
  })

  /**
   * Waits until the rows include all events up to a position, and acts on their status meanwhile.
   */
  const caughtUp = (
    runner: Runner,
    name: string,
    position: Position,
    patience: Duration.Input
  ): Effect.Effect<void, RunnerError | WaitTimedOut | ProjectionStopped | HistoryChanged> =>
    runner.waitFor(name, position, patience).pipe(
      Effect.catchTag(["ProjectionStopped", "HistoryChanged"], (error) => {
        // Fails on any other stop.
        const isExpected =
          error._tag === "HistoryChanged"
            ? came(plan, "log-restored")
            : error.poison.reason === "Undecodable"
              ? came(plan, "old-host")
              : isBallast(name)
        if (!isExpected) return Effect.fail(error)
        return Effect.ignore(tend(runner, name)).pipe(
          Effect.andThen(Effect.sleep("50 millis")),
          Effect.andThen(Effect.suspend(() => caughtUp(runner, name, position, patience)))
        )
      })
    )

  return { tend, caughtUp }
}
