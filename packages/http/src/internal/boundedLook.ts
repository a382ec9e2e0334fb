/**
 * A look of a health check that answers in time, whatever it looks at.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import { MinimumLogLevel } from "effect/References"
import type * as Scope from "effect/Scope"
import type { Check, Facts, Finding } from "../Health.ts"

/** A check in the answer of a host. */
export interface Outcome {
  readonly name: string
  readonly status: "pass" | "fail" | "timeout"
  readonly facts?: Facts
}

const DEFAULT_TIMEOUT = "2 seconds"

/**
 * Makes a look that fails when it takes too long, and never runs twice at a time: one that hangs
 * holds one connection, however often it is asked for.
 */
export const boundedLook = Effect.fnUntraced(function* <R>({
  look,
  name,
  timeout = DEFAULT_TIMEOUT
}: Check<R>): Effect.fn.Return<Effect.Effect<Outcome>, never, R | Scope.Scope> {
  const context = yield* Effect.context<R>()
  const limit = Duration.fromInputUnsafe(timeout)
  // Its end is waited for nowhere: a query on a connection that stalls ends with the connection.
  const begin = look.pipe(
    // What a store logs once when it is opened need not be logged at each look.
    Effect.updateService(MinimumLogLevel, (level) =>
      LogLevel.isLessThan(level, "Warn") ? "Warn" : level
    ),
    Effect.provideContext(context),
    Effect.forkDetach
  )
  let running: Fiber.Fiber<Finding, unknown> | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => running?.interruptUnsafe()))
  let last: Outcome["status"] = "pass"

  /** Logs a change: a host that is not ready is asked again and again. */
  const told = (status: Outcome["status"], cause?: unknown): Effect.Effect<void> => {
    if (status === last) return Effect.void
    last = status
    if (status === "pass") return Effect.logInfo(`${name} is ready again`)
    const line = status === "fail" ? "is not ready" : `gave no answer in ${Duration.format(limit)}`
    return cause === undefined
      ? Effect.logWarning(`${name} ${line}`)
      : Effect.logWarning(`${name} ${line}`, cause)
  }

  const outcomeOf = (
    exit: Exit.Exit<Finding, unknown> | undefined
  ): readonly [outcome: Outcome, cause?: unknown] => {
    if (exit === undefined) return [{ name, status: "timeout" }]
    if (Exit.isFailure(exit)) return [{ name, status: "fail" }, exit.cause]
    const { facts, passes } = exit.value
    return [{ name, status: passes ? "pass" : "fail", ...(facts === undefined ? {} : { facts }) }]
  }

  return Effect.gen(function* () {
    if (running === undefined || running.pollUnsafe() !== undefined) running = yield* begin
    const awaited = yield* Effect.timeoutOption(Fiber.await(running), limit)
    if (Option.isNone(awaited)) running.interruptUnsafe()
    const [outcome, cause] = outcomeOf(Option.getOrUndefined(awaited))
    yield* told(outcome.status, cause)
    return outcome
  })
})
