/**
 * Repeats statements until the server answers: it may be restarting, or the network may be down.
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

// Soon at first, since most losses are short; every second in the end. The first waiting task that
// finds the server again wakes the others.
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 1_000

/**
 * A resource that several tasks of a store lose and regain together, such as the server: one log
 * line for all of them, and a wait that ends for all when it ends for one.
 */
export interface Losses {
  /** Reports that the task has lost the resource. */
  readonly lost: (task: object, message: string) => Effect.Effect<void>
  /** Reports that the task has the resource, or has it again. */
  readonly found: (task: object) => Effect.Effect<void>
  /** Reports that the task has ended without the resource. */
  readonly forgetUnsafe: (task: object) => void
  /** Waits until one of the tasks has the resource again. */
  readonly back: Effect.Effect<void>
}

/** Makes the losses of several tasks, from the texts of their log lines. */
export const makeLosses = (lines: {
  /** A sentence: the operation that does not work during the loss. */
  readonly failing: string
  /** A sentence: the operation that works again after it. */
  readonly working: string
}): Losses => {
  const tasks = new Set<object>()
  /**
   * True until a task works again. The tasks that lost it may have ended, as subscriptions do whose
   * reader has lost it too.
   */
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

/** The repeated operation, for the log and the metrics. */
interface Task<E> {
  readonly losses: Losses
  readonly retries: Metric.Counter<number>
  readonly while: (error: E) => boolean
}

/** Repeats `effect` until it succeeds or fails with an error that repeating can't resolve. */
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
      // Jitter, so that not all tasks retry at the same moment.
      const jittered = pause * (0.8 + 0.4 * (yield* Random.next))
      yield* Effect.raceFirst(Effect.sleep(Duration.millis(jittered)), losses.back)
      return yield* attempt
    })
    return attempt.pipe(
      Effect.tap(() => losses.found(own)),
      Effect.ensuring(Effect.sync(() => losses.forgetUnsafe(own)))
    )
  })

/** Returns true if the same statement may succeed later, unchanged. */
export const isTransient = ({ reason }: SqlError): boolean =>
  reason.isRetryable || transientState.test(sqlState(reason.cause) ?? "")

// SQLSTATE classes that the client reports as unknown: insufficient resources (such as too many
// connections), and operator intervention, which means that the server shuts down or starts up
// (PostgreSQL, "Error Codes"). And a refused password, since a host that runs had the right one: it
// is being changed, and the provider of passwords has the new one sooner or later than the server.
const transientState = /^(53|57P|28P01)/

/** Returns the SQLSTATE of the cause of an error, if it has one. */
export const sqlState = (cause: unknown): string | undefined =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined
