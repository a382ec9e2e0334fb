/**
 * Restores a log to an earlier time under its hosts.
 */
import type { Position } from "@daybook/kernel/Position"
import type { Projections } from "@daybook/projections/Projections"
import { ProjectionStopped } from "@daybook/projections/ProjectionStatus"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"

/**
 * Deletes the last tenth of the log, as its superuser, and returns the ids of the lost commands.
 */
export const restore = (admin: SqlClient) =>
  admin.withTransaction(
    Effect.gen(function* () {
      yield* admin`ALTER TABLE daybook.events DISABLE TRIGGER append_only`.unprepared
      const lost = yield* admin<{ readonly event_id: string }>`
        DELETE FROM daybook.events WHERE position > (
          SELECT min(position) + 0.9 * (max(position) - min(position)) FROM daybook.events)
        RETURNING event_id::text`
      yield* admin`ALTER TABLE daybook.events ENABLE ALWAYS TRIGGER append_only`.unprepared
      yield* admin`SELECT setval('daybook.append_number', (
        SELECT (max(position) - 1) / 1024 + 1 FROM daybook.events))`
      return new Set(lost.map(({ event_id }) => event_id))
    })
  )

/**
 * Repeats an operation as long as an oversized row stops it, and skips the event that causes the
 * row.
 */
const skipping = <E>(
  runner: Projections["Service"],
  name: string,
  effect: Effect.Effect<void, E>
): Effect.Effect<void, E | SkipError> =>
  Effect.catch(effect, (error): Effect.Effect<void, E | SkipError> =>
    error instanceof ProjectionStopped && error.poison.reason === "NoRow"
      ? Effect.andThen(
          runner.skip(name, error.poison.position, "makes the row too large"),
          skipping(runner, name, effect)
        )
      : Effect.fail(error)
  )

type SkipError = Effect.Error<ReturnType<Projections["Service"]["skip"]>>

/** Waits until a read model holds all events up to a position. */
export const keptUp = (
  runner: Projections["Service"],
  name: string,
  position: Position,
  patience: Duration.Input
) => skipping(runner, name, runner.waitFor(name, position, patience))

/** Waits until a read model has noticed the restore, and rebuilds it; returns the problems. */
export const rebuilt = Effect.fnUntraced(function* (runner: Projections["Service"], name: string) {
  const status = yield* Effect.repeat(runner.status(name), {
    until: ({ mismatch }) => Option.isSome(mismatch),
    schedule: Schedule.spaced("50 millis")
  }).pipe(Effect.timeoutOption("30 seconds"))
  if (Option.isNone(status)) return [`${name} does not report that its log was restored`]
  const wrong =
    status.value.state === "stopped" ? [] : [`${name} is ${status.value.state} on a restored log`]
  yield* skipping(runner, name, Stream.runDrain(runner.rebuild(name)))
  return wrong
})
