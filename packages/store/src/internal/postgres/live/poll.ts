/**
 * Reads for subscriptions to a log in PostgreSQL: a look reads the settled position, and then a
 * page of events up to there.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import {
  type Checkpoint,
  type CheckpointMismatch,
  position as positionOf
} from "../../../Checkpoint.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { UnreadableEvent } from "../../../UnreadableEvent.ts"
import { orGiveUp } from "../sql/patience.ts"
import { pageSize } from "../../driver/pageSize.ts"
import { endOfPiece, matchesNothing, readLog } from "../log/log.ts"
import * as PostgresOrigin from "../log/origin.ts"
import { advancing } from "../log/page.ts"
import { isTransient, type Losses, makeLosses, persistently } from "../sql/retry.ts"
import { lookAtStream, type Within } from "../log/streamLook.ts"
import type { Filter, Look } from "../../driver/subscription.ts"

/**
 * The timeout of the settled-position query, in heartbeats. The query takes under 1 ms; three
 * heartbeats allow for an exhausted pool. Without a timeout a half-open connection would hang for
 * ever.
 */
const SETTLED_HEARTBEATS = 3

/** The timeout of a page: long, since a page may be large and the network slow. */
const ROWS_TIMEOUT = Duration.minutes(5)

/**
 * Makes the looks of one subscription: each reads the next page after a position, as large as the
 * page before suggests. A failure is retried as long as it may pass.
 */
export const makeLook = (
  sql: SqlClient,
  schema: SchemaName,
  {
    heartbeatInterval,
    losses
  }: { readonly heartbeatInterval: Duration.Duration; readonly losses: Losses },
  { streamId, ...options }: Filter
) => {
  const within: Within = {
    end: (effect) => bounded(effect, Duration.times(heartbeatInterval, SETTLED_HEARTBEATS)),
    rows: (effect) => bounded(effect, ROWS_TIMEOUT)
  }
  const lookOnce =
    streamId === undefined
      ? lookAtLog(sql, schema, within, options)
      : lookAtStream(sql, schema, within, { ...options, streamId })
  return (
    after: Position.Position | Checkpoint
  ): Effect.Effect<Look, SqlError | CheckpointMismatch | UnreadableEvent> =>
    persistently(lookOnce(after), {
      losses,
      retries,
      while: (error) => error._tag === "SqlError" && isTransient(error)
    })
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

const lookAtLog = (
  sql: SqlClient,
  schema: SchemaName,
  within: Within,
  filter: Omit<Filter, "streamId">
) => {
  const read = readLog(sql, schema, filter)
  const endOf = endOfPiece(sql, schema, filter)
  const nothingMatches = matchesNothing(filter)
  let size = pageSize(0)
  return Effect.fnUntraced(function* (
    given: Position.Position | Checkpoint
  ): Effect.fn.Return<Look, SqlError | CheckpointMismatch | UnreadableEvent> {
    const after = positionOf(given)
    const end = yield* within.end(PostgresOrigin.look(sql, schema, given))
    const { log, settled } = end
    const heldBack = end.newest > settled
    if (settled <= after) {
      const checkpoint =
        settled === after ? { log, position: settled, event: end.given_event } : undefined
      return { events: [], checkpoint, caughtUp: true, heldBack }
    }
    if (nothingMatches) {
      const checkpoint = { log, position: settled, event: end.settled_event }
      return { events: [], checkpoint, caughtUp: true, heldBack }
    }
    // A later statement than the settled position's: that is half of its proof.
    const lowest = after + 1n
    const highest = yield* within.rows(endOf(lowest, settled, "ASC"))
    for (;;) {
      const asked = size
      const page = yield* within.rows(read(lowest, highest, "ASC", asked))
      const { cut, events, largest } = yield* advancing(page, asked)
      size = pageSize(largest)
      const last = events.at(-1)
      // The first event is too large for this page, and fits in the next.
      if (cut && last === undefined) continue
      const position =
        last !== undefined && (cut || events.length === asked.rows) ? last.position : highest
      const event =
        last !== undefined && position === last.position
          ? EventMark.of(last)
          : position === settled
            ? end.settled_event
            : yield* within.rows(PostgresOrigin.eventAt(sql, schema, position))
      return {
        events,
        checkpoint: { log, position: Position.make(position), event },
        caughtUp: position === settled,
        heldBack
      }
    }
  })
}

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
