/**
 * The attempts of a reaction: with the retries of its reactor, and counted.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import { keysOf } from "../../ConsumerGroup.ts"
import { MAX_ISSUE_LENGTH } from "../../HeldKey.ts"
import type { Reactor } from "../../Reactor.ts"
import * as Metrics from "./metrics.ts"

/** A reaction has failed; other errors are of the groups. */
export class ReactionFailed extends Data.TaggedError("ReactionFailed")<{
  readonly event: RecordedEvent
  /** The key for which the event was handled. */
  readonly key: string
  readonly issue: string
  readonly attempts: number
}> {}

export interface Attempt<R> {
  /** Reacts once for each of the keys. */
  readonly once: (
    event: RecordedEvent,
    keys: ReadonlyArray<string>
  ) => Effect.Effect<void, ReactionFailed, R>
  /** Reacts to events at once; returns those that are left, all of them if that fails. */
  readonly together: (
    events: ReadonlyArray<RecordedEvent>,
    reaction: Effect.Effect<ReadonlySet<RecordedEvent>, unknown, R>
  ) => Effect.Effect<ReadonlySet<RecordedEvent>, never, R>
  /** Reacts, inside what `around` adds, until it succeeds or the retries are used up. */
  readonly retried: <E, R2>(
    event: RecordedEvent,
    keys: ReadonlyArray<string>,
    around: (
      reaction: Effect.Effect<void, ReactionFailed, R>
    ) => Effect.Effect<void, ReactionFailed | E, R2>
  ) => Effect.Effect<void, ReactionFailed | E, R2>
}

export const make = Effect.fnUntraced(function* <R>(reactor: Reactor<R>) {
  const { group } = reactor
  const context = yield* Effect.context<never>()
  const attempts = Metric.withAttributes(Metrics.attempts, { reactor: group.name })
  const failures = Metric.withAttributes(Metrics.failures, { reactor: group.name })

  // An interrupted consumer runs no handler, so an interruption here is the reaction's own. As the
  // end of the consumer, it would give the range up and begin it again for ever.
  const failed = (event: RecordedEvent, key: string, cause: Cause.Cause<unknown>) => {
    failures.updateUnsafe(1, context)
    const issue = rootMessage(Cause.squash(cause)).slice(0, MAX_ISSUE_LENGTH).toWellFormed()
    return Effect.fail(new ReactionFailed({ event, key, issue, attempts: 1 }))
  }
  const one = (event: RecordedEvent, key: string): Effect.Effect<void, ReactionFailed, R> =>
    Effect.catchCause(
      Effect.suspend(() => {
        attempts.updateUnsafe(1, context)
        // An event whose key function fails was handed out under its stream.
        const keys = group.key === undefined ? undefined : keysOf(group, event)
        if (keys !== undefined && Result.isFailure(keys)) return Effect.fail(keys.failure)
        return reactor.react(event, key)
      }),
      (cause) => failed(event, key, cause)
    )
  const once: Attempt<R>["once"] = (event, keys) => {
    const [first] = keys
    return keys.length === 1 && first !== undefined
      ? one(event, first)
      : Effect.forEach(keys, (key) => one(event, key), { discard: true })
  }

  const attempt: Attempt<R> = {
    once,
    together: (events, reaction) =>
      reaction.pipe(
        Effect.catchCause(() => Effect.succeed(new Set(events))),
        // Those that are left are attempted, and fail, by themselves.
        Effect.tap((left) =>
          Effect.sync(() => attempts.updateUnsafe(events.length - left.size, context))
        )
      ),
    // The first attempt is outside of the schedule, which is not made for an event that succeeds.
    retried: (event, keys, around) =>
      Effect.catch(around(once(event, keys)), (first) => {
        if (!(first instanceof ReactionFailed)) return Effect.fail(first)
        let count = 0
        const counted = Effect.suspend(() =>
          ++count === 1 ? Effect.fail(first) : around(once(event, keys))
        )
        return Effect.mapError(
          Effect.retry(counted, {
            schedule: reactor.retry,
            while: (error) => error instanceof ReactionFailed
          }),
          (error) =>
            error instanceof ReactionFailed
              ? new ReactionFailed({ event, key: error.key, issue: error.issue, attempts: count })
              : error
        )
      })
  }
  return attempt
})
