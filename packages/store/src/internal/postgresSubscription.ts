/**
 * Where subscriptions to a log in PostgreSQL read: a page is one look at what is settled, and then the events
 * up to there.
 */
import * as Position from "@daybook/kernel/Position"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"
import type { SubscribeOptions } from "../Subscription.ts"
import { PLACES } from "./migration0001.ts"
import { pageSize } from "./pageSize.ts"
import { endOfPiece, matchesNothing, readLog } from "./postgresLog.ts"
import { isTransient, persistently } from "./postgresRetry.ts"
import { lookAtStream, type Within } from "./postgresStreamLook.ts"
import type { Look } from "./subscription.ts"

/**
 * A network that went dead tells nobody. What is settled is found in less than a millisecond; so many
 * heartbeats are for a client whose connections are all in use.
 */
const SETTLED_HEARTBEATS = 3

/** Long, since a page may be large and the network slow. */
const ROWS_TIMEOUT = Duration.minutes(5)

/**
 * Looks for one subscription: each the next page behind a position, as large as the page before suggests. What
 * keeps it from being read is waited for, unless that can't end.
 */
export const makeLook = (
  sql: SqlClient,
  schema: SchemaName,
  heartbeatInterval: Duration.Duration,
  { streamId, ...options }: SubscribeOptions
) => {
  const within: Within = {
    end: (effect) => bounded(effect, Duration.times(heartbeatInterval, SETTLED_HEARTBEATS)),
    rows: (effect) => bounded(effect, ROWS_TIMEOUT)
  }
  const lookOnce =
    streamId === undefined
      ? lookAtLog(sql, schema, within, options)
      : lookAtStream(sql, schema, within, { ...options, streamId })
  return (after: Position.Position): Effect.Effect<Look, SqlError> =>
    persistently(lookOnce(after), {
      failing: "A subscription can't read, and tries again until it can",
      working: "A subscription reads again",
      retries,
      while: isTransient
    })
}

const retries = Metric.counter("daybook_subscription_retries", {
  description: "Reads of subscribers that failed and are repeated"
})

const lookAtLog = (
  sql: SqlClient,
  schema: SchemaName,
  within: Within,
  options: Omit<SubscribeOptions, "streamId">
) => {
  const read = readLog(sql, schema, options)
  const endOf = endOfPiece(sql, schema, options)
  const nothingMatches = matchesNothing(options)
  let size = pageSize(0)
  return Effect.fnUntraced(function* (after: Position.Position): Effect.fn.Return<Look, SqlError> {
    const { newest, settled } = yield* within.end(settledAndNewest(sql, schema))
    const heldBack = newest > settled
    if (settled <= after) return { events: [], position: after, caughtUp: true, heldBack }
    if (nothingMatches) {
      return { events: [], position: Position.make(settled), caughtUp: true, heldBack }
    }
    // A later statement than the settled position: that is half of its proof.
    const lowest = after + 1n
    const highest = yield* within.rows(endOf(lowest, settled, "ASC"))
    for (;;) {
      const asked = size
      const { cut, events, largest } = yield* within.rows(read(lowest, highest, "ASC", asked))
      size = pageSize(largest)
      const last = events.at(-1)
      // The first event is too large for the page that was asked for, and fits in the next.
      if (cut && last === undefined) continue
      const position =
        last !== undefined && (cut || events.length === asked.rows) ? last.position : highest
      const caughtUp = position === settled
      return { events, position: Position.make(position), caughtUp, heldBack }
    }
  })
}

/** As `settled_position`, and the last position that an append drawn by now could have. */
const settledAndNewest = (sql: SqlClient, schema: SchemaName) =>
  Effect.map(
    sql<{ readonly settled: bigint; readonly newest: bigint }>`
      SELECT ${sql(`${schema}.settled_position`)}() AS settled,
        ${sql(`${schema}.newest_append`)}() * ${PLACES} AS newest`,
    (rows) => Arr.getUnsafe(rows, 0)
  )

const bounded = <A>(
  effect: Effect.Effect<A, SqlError>,
  duration: Duration.Duration
): Effect.Effect<A, SqlError> =>
  Effect.timeoutOrElse(effect, {
    duration,
    orElse: () =>
      Effect.fail(
        new SqlError({
          reason: new ConnectionError({
            cause: new Error(`no answer in ${Duration.format(duration)}`),
            operation: "subscribe"
          })
        })
      )
  })
