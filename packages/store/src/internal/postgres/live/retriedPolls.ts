/**
 * The polls of subscriptions to a log in PostgreSQL, through failures that may pass.
 */
import type { Position } from "@daybook/kernel/Position"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import type { Checkpoint, CheckpointMismatch } from "../../../Checkpoint.ts"
import type { Filter, Poll, Reads } from "../../../driver/EventStoreDriver.ts"
import * as Polls from "../../../driver/Polls.ts"
import type { UnreadableEvent } from "../../../EventStore.ts"
import { orGiveUp } from "../../driver/timeLimit.ts"
import { isTransient, type Losses, makeLosses, persistently } from "../sql/retry.ts"

/**
 * The timeout of the settled-position query, in heartbeats. The query takes under 1 ms; three
 * heartbeats allow for an exhausted pool. Without a timeout a half-open connection would hang for
 * ever.
 */
const SETTLED_HEARTBEATS = 3

/** The timeout of a page: long, since a page may be large and the network slow. */
const ROWS_TIMEOUT = Duration.minutes(5)

/**
 * Makes the polls of a store's subscriptions: each statement has a timeout, and a poll is repeated
 * as long as its failure may pass.
 */
export const makePolls = (
  { end, term, log, origin, revisionAsOf, stream }: Reads<SqlError | UnreadableEvent>,
  options: {
    readonly heartbeatInterval: Duration.Duration
    readonly losses: Losses
    /** True if the caller has a transaction open, on whose connection it polls. */
    readonly inTransaction: Effect.Effect<boolean>
  }
): ((
  filter: Filter
) => (
  after: Position | Checkpoint
) => Effect.Effect<Poll, SqlError | CheckpointMismatch | UnreadableEvent>) => {
  const { heartbeatInterval, inTransaction, losses } = options
  const endTimeout = Duration.times(heartbeatInterval, SETTLED_HEARTBEATS)
  const polls = Polls.makeShared(
    {
      term,
      origin: (position) => bounded(origin(position), endTimeout),
      end: (streamId, upTo) => bounded(end(streamId, upTo), endTimeout),
      log: (filter) => {
        const read = log(filter)
        return (range) => bounded(read(range), ROWS_TIMEOUT)
      },
      stream: (filter) => {
        const read = stream(filter)
        return (range) => bounded(read(range), ROWS_TIMEOUT)
      },
      revisionAsOf:
        revisionAsOf &&
        ((streamId, upTo, bound) => bounded(revisionAsOf(streamId, upTo, bound), ROWS_TIMEOUT))
    },
    inTransaction
  )
  return (filter) => {
    const poll = polls(filter)
    return (after) =>
      persistently(poll(after), {
        losses,
        retries,
        while: (error) => error._tag === "SqlError" && isTransient(error)
      })
  }
}

/** The losses that all subscriptions of a store share. */
export const subscriptionLosses = (): Losses =>
  makeLosses({
    failing: "Subscriptions can't read, and try again until they can",
    working: "Subscriptions read again"
  })

const retries = Metric.counter("daybook_subscription_retries", {
  description: "Reads of subscribers that failed and are repeated"
})

const bounded = <A, E>(
  effect: Effect.Effect<A, E | SqlError>,
  duration: Duration.Duration
): Effect.Effect<A, E | SqlError> =>
  orGiveUp(
    effect,
    Effect.andThen(
      Effect.sleep(duration),
      Effect.fail(
        new SqlError({
          reason: new ConnectionError({
            cause: new Error(`no answer in ${Duration.format(duration)}`),
            operation: "subscribe"
          })
        })
      )
    )
  )
