/**
 * Statements that are repeated until the server answers: it may be restarting, or the network be away.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import type { SqlError } from "effect/sql/SqlError"
import { rootMessage } from "../../start/rootMessage.ts"

// Soon at first, since most losses are short; each second in the end: of all that wait for a server one notices that it is back,
// and wakes the others.
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 1_000

/**
 * What several tasks of a store lose and have back together, such as the server: one line in the log for all of them, and a wait
 * that ends for all when it does for one.
 */
export interface Losses {
  /** The task has lost it. */
  readonly lost: (task: object, message: string) => Effect.Effect<void>
  /** The task has it, or has it back. */
  readonly found: (task: object) => Effect.Effect<void>
  /** The task ends without it. */
  readonly forgetUnsafe: (task: object) => void
  /** Waits until one of the tasks has it back. */
  readonly back: Effect.Effect<void>
}

/** `failing`: what does not work while it is lost, as a sentence. `working`: what works again then. */
export const makeLosses = (lines: {
  readonly failing: string
  readonly working: string
}): Losses => {
  const tasks = new Set<object>()
  /** Until a task works again: those that lost it may have ended, as subscriptions do whose reader has lost it too. */
  let isLost = false
  let back = Deferred.makeUnsafe<void>()
  return {
    lost: (task, message) =>
      Effect.suspend(() => {
        const isFirst = !isLost
        isLost = true
        tasks.add(task)
        return isFirst ? Effect.logWarning(`${lines.failing}: ${message}`) : Effect.void
      }),
    found: (task) =>
      Effect.suspend(() => {
        if (!isLost) return Effect.void
        tasks.delete(task)
        const waiting = back
        back = Deferred.makeUnsafe()
        Deferred.doneUnsafe(waiting, Exit.void)
        if (tasks.size > 0) return Effect.void
        isLost = false
        return Effect.logInfo(lines.working)
      }),
    forgetUnsafe: (task) => {
      tasks.delete(task)
    },
    back: Effect.suspend(() => Deferred.await(back))
  }
}

/** What is repeated, for the log and the metrics. */
interface Task<E> {
  readonly losses: Losses
  readonly retries: Metric.Counter<number>
  readonly while: (error: E) => boolean
}

/** Repeats it until it succeeds, or fails with what repeating can't mend. */
export const persistently = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  { losses, retries, ...task }: Task<E>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const own = {}
    let failures = 0
    const attempt: Effect.Effect<A, E, R> = Effect.catch(effect, (error) =>
      task.while(error) ? again(error) : Effect.fail(error)
    )
    const again = Effect.fnUntraced(function* (error: E): Effect.fn.Return<A, E, R> {
      yield* Metric.update(retries, 1)
      yield* losses.lost(own, rootMessage(error))
      const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(failures++, 16), LONGEST_PAUSE)
      // Not all at the same moment.
      const jittered = pause * (0.8 + 0.4 * (yield* Random.next))
      yield* Effect.raceFirst(Effect.sleep(Duration.millis(jittered)), losses.back)
      return yield* attempt
    })
    return attempt.pipe(
      Effect.tap(() => losses.found(own)),
      Effect.ensuring(Effect.sync(() => losses.forgetUnsafe(own)))
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
