/**
 * Who looks after the read models, as their status asks for it: skips an event that makes a row too large, and has rows rebuilt that are
 * of a history which the log has no more. What an old host stopped at is left to the hosts.
 */
import type { ProjectionStopped, WaitTimedOut } from "@daybook/projections/ProjectionStatus"
import type { Projections, RunnerError } from "@daybook/projections/Projections"
import type { Poison } from "@daybook/projections/ReadModelGeneration"
import type { HistoryChanged } from "@daybook/projections/ReadModelError"
import type { Position } from "@daybook/kernel/Position"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { REASON } from "./ballast.ts"
import { came, type Plan } from "./plan.ts"

type Runner = Projections["Service"]

/** `isBallast`: whether its rows may be too large. */
export const make = (plan: Plan, isBallast: (name: string) => boolean) => {
  /** It may be that of a history which is lost meanwhile, or in the rows by now. */
  const skip = (runner: Runner, name: string, { position, reason }: Poison) =>
    isBallast(name) && reason === "NoRow"
      ? Effect.catchTag(
          runner.skip(name, position, REASON),
          ["AlreadyFolded", "NoEventToSkip"],
          () => Effect.void
        )
      : Effect.void

  /** Does what the status of a read model asks for. */
  const tend = Effect.fnUntraced(function* (runner: Runner, name: string) {
    const { mismatch, poison } = yield* runner.status(name)
    if (Option.isSome(mismatch)) {
      return yield* Stream.runDrain(runner.rebuild(name)).pipe(
        // The rows that are built meet it as those before did.
        Effect.catchTag("ProjectionStopped", (stopped) => skip(runner, name, stopped.poison))
      )
    }
    if (Option.isSome(poison)) yield* skip(runner, name, poison.value)
  })

  /** Waits until the rows hold all up to a position, and does meanwhile what is asked for. */
  const caughtUp = (
    runner: Runner,
    name: string,
    position: Position,
    patience: Duration.Input
  ): Effect.Effect<void, RunnerError | WaitTimedOut | ProjectionStopped | HistoryChanged> =>
    runner.waitFor(name, position, patience).pipe(
      Effect.catchTag(["ProjectionStopped", "HistoryChanged"], (error) => {
        // Nothing else may stop it.
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
