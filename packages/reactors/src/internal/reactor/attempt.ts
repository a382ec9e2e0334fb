/**
 * The attempts of a reaction: with the retries of its reactor, and counted.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { MAX_ISSUE_LENGTH } from "../../HeldKey.ts"
import type { Reactor } from "../../Reactor.ts"
import * as Metrics from "./metrics.ts"

/** A reaction has failed; other errors are of the groups. */
export class ReactionFailed extends Data.TaggedError("ReactionFailed")<{
  readonly event: RecordedEvent
  readonly issue: string
  readonly attempts: number
}> {}

export interface Attempt<R> {
  /** Reacts once. */
  readonly once: (event: RecordedEvent) => Effect.Effect<void, ReactionFailed, R>
  /** Reacts, inside what `around` adds, until it succeeds or the retries are used up. */
  readonly retried: <E, R2>(
    event: RecordedEvent,
    around: (
      reaction: Effect.Effect<void, ReactionFailed, R>
    ) => Effect.Effect<void, ReactionFailed | E, R2>
  ) => Effect.Effect<void, ReactionFailed | E, R2>
}

export const make = <R>(reactor: Reactor<R>): Attempt<R> => {
  const attempts = Metric.withAttributes(Metrics.attempts, { reactor: reactor.group.name })
  const failures = Metric.withAttributes(Metrics.failures, { reactor: reactor.group.name })
  const failed = (event: RecordedEvent, cause: Cause.Cause<unknown>) =>
    Effect.andThen(
      Metric.update(failures, 1),
      new ReactionFailed({
        event,
        issue: rootMessage(Cause.squash(cause)).slice(0, MAX_ISSUE_LENGTH).toWellFormed(),
        attempts: 1
      })
    )
  const once = (event: RecordedEvent): Effect.Effect<void, ReactionFailed, R> =>
    Effect.suspend(() => reactor.react(event)).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : failed(event, cause)
      ),
      Effect.tap(() => Metric.update(attempts, 1)),
      Effect.tapError(() => Metric.update(attempts, 1))
    )
  return {
    once,
    retried: (event, around) =>
      Effect.suspend(() => {
        let count = 0
        const counted = Effect.suspend(() => {
          count++
          return around(once(event))
        })
        return Effect.mapError(
          Effect.retry(counted, {
            schedule: reactor.retry,
            while: (error) => error instanceof ReactionFailed
          }),
          (error) =>
            error instanceof ReactionFailed
              ? new ReactionFailed({ event, issue: error.issue, attempts: count })
              : error
        )
      })
  }
}
