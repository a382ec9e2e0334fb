/**
 * Reports the failure of a host to start in one line: the fault, its place and the next step.
 *
 * A host that is provided its layers fails with a cause of several levels. Run it with
 * {@link report}, and without another reporter of errors:
 *
 * ```ts
 * import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
 * import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
 * import * as StartFailure from "@daybook/store/StartFailure"
 * import { Effect, Exit, Layer } from "effect"
 * import assert from "node:assert"
 *
 * const host = Layer.build(EventStorePostgres.layer).pipe(
 *   Effect.scoped,
 *   Effect.provide(EmbeddedPostgres.layer())
 * )
 * const exit = await Effect.runPromiseExit(StartFailure.report(host))
 * assert(Exit.isFailure(exit))
 * assert.match(StartFailure.lineOf(exit.cause), /^Schema daybook .* is not migrated: .*: run PostgresMigrations$/)
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { nextStep } from "./internal/start/nextStep.ts"
import { chainOf, forPeople, textOf } from "./internal/start/chain.ts"

/** An error may quote its input, which may be a whole SQL statement. */
const MAX_LENGTH = 600

/**
 * Returns one line for a `Cause` or any error: the failure and its place, then after a colon the
 * next step, if known.
 *
 * **Details**
 * Describes the first failure, or else the first defect. The line holds no password: a URL in a
 * message loses the part before its host.
 * Shape: at most 600 characters, without control characters.
 *
 * @category destructors
 * @since 0.1.0
 */
export const lineOf = (cause: unknown): string => {
  const error = Cause.isCause(cause) ? firstOf(cause) : cause
  const chain = chainOf(error)
  const next = nextStep(chain)
  const what = forPeople(textOf(chain))
  const line = next === undefined ? what : `${what}: ${next}`
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1)}…` : line
}

/**
 * Logs {@link lineOf} the cause at level error when `effect` fails, and the cause with its stacks
 * at level debug.
 *
 * @category reporting
 * @since 0.1.0
 */
export const report = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.tapCause(effect, (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : Effect.andThen(
          Effect.logError(lineOf(cause)),
          Effect.logDebug(forPeople(Cause.pretty(cause), "lines"))
        )
  )

const firstOf = (cause: Cause.Cause<unknown>): unknown => {
  if (Cause.hasInterruptsOnly(cause)) return new Error("Interrupted")
  const squashed = Cause.squash(cause)
  return Predicate.isObject(squashed) || typeof squashed === "string" ? squashed : String(squashed)
}
