/**
 * Statements that are repeated until the server answers: it may be restarting, or the network be away.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type { SqlError } from "effect/sql/SqlError"
import { rootMessage } from "./rootMessage.ts"

// Soon at first, since most losses are short; every 5 s in the end, since a server that comes back has enough to do.
const backOff = Schedule.jittered(
  Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("5 seconds")])
)

/** What is repeated, for the log and the metrics. */
interface Task<E> {
  /** What does not work while it fails, as a sentence. */
  readonly failing: string
  /** What works again then, as a sentence; without it the task says so itself. */
  readonly working?: string
  readonly retries: Metric.Counter<number>
  readonly while: (error: E) => boolean
}

/** Repeats it until it succeeds, or fails with what repeating can't mend. */
export const persistently = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  task: Task<E>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let failures = 0
    const failed = (error: E) =>
      Effect.andThen(
        Metric.update(task.retries, 1),
        // Once for each loss: a server that is away for an hour fills no log.
        failures++ > 0 ? Effect.void : Effect.logWarning(`${task.failing}: ${rootMessage(error)}`)
      )
    return effect.pipe(
      Effect.tapError((error) => (task.while(error) ? failed(error) : Effect.void)),
      Effect.retry({ schedule: backOff, while: task.while }),
      Effect.tap(() =>
        failures === 0 || task.working === undefined ? Effect.void : Effect.logInfo(task.working)
      )
    )
  })

/** Whether the same statement may succeed later without anybody changing anything about it. */
export const isTransient = ({ reason }: SqlError): boolean =>
  reason.isRetryable || transientState.test(sqlState(reason.cause) ?? "")

// Classes that the client takes for unknown: insufficient resources (too many connections among them), and operator
// intervention, which is a server that shuts down or starts up (PostgreSQL, "Error Codes").
const transientState = /^(53|57P)/

const sqlState = (cause: unknown): string | undefined =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined
