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
import { type PageSize, pageSize } from "./pageSize.ts"
import { positionAfterRows, readLog } from "./postgresRead.ts"
import { isTransient, type Losses, makeLosses, persistently } from "./postgresRetry.ts"
import type { Look } from "./subscription.ts"

/**
 * How many rows one statement goes through at most to find events of the types asked for, which no index leads to: about
 * 10 ms. What it went through is behind the subscription, whether anything matched or not.
 */
const SEARCHED_ROWS = 10_000

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
  losses: Losses
) => {
  const size = { next: pageSize(0) }
  return (after: Position.Position, options: SubscribeOptions): Effect.Effect<Look, SqlError> =>
    persistently(lookOnce(sql, schema, after, options, size, heartbeatInterval), {
      losses,
      retries,
      while: isTransient
    })
}

/** All subscriptions of a store. */
export const subscriptionLosses = (): Losses =>
  makeLosses({
    failing: "Subscriptions can't read, and try again until they can",
    working: "Subscriptions read again"
  })

const retries = Metric.counter("daybook_subscription_retries", {
  description: "Reads of subscribers that failed and are repeated"
})

const lookOnce = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  after: Position.Position,
  options: SubscribeOptions,
  size: { next: PageSize },
  heartbeatInterval: Duration.Duration
) {
  const { newest, settled } = yield* bounded(
    settledAndNewest(sql, schema),
    Duration.times(heartbeatInterval, SETTLED_HEARTBEATS)
  )
  const heldBack = newest > settled
  if (settled <= after) {
    const nothing: Look = { events: [], position: after, caughtUp: true, heldBack }
    return nothing
  }
  // A later statement than the settled position: that is half of its proof.
  const lowest = after + 1n
  const highest = yield* bounded(searchedUpTo(sql, schema, lowest, settled, options), ROWS_TIMEOUT)
  for (;;) {
    const page = size.next
    const { cut, events, largest } = yield* bounded(
      readLog(sql, schema, options)(lowest, highest, "ASC", page),
      ROWS_TIMEOUT
    )
    size.next = pageSize(largest)
    const last = events.at(-1)
    // The first event is too large for the page that was asked for, and fits in the next.
    if (cut && last === undefined) continue
    const position =
      last !== undefined && (cut || events.length === page.rows) ? last.position : highest
    const found: Look = {
      events,
      position: Position.make(position),
      caughtUp: position === settled,
      heldBack
    }
    return found
  }
})

/** As `settled_position`, and the last position that an append drawn by now could have. */
const settledAndNewest = (sql: SqlClient, schema: SchemaName) =>
  Effect.map(
    sql<{ readonly settled: bigint; readonly newest: bigint }>`
      SELECT ${sql(`${schema}.settled_position`)}() AS settled,
        ${sql(`${schema}.newest_append`)}() * ${PLACES} AS newest`,
    (rows) => Arr.getUnsafe(rows, 0)
  )

const searchedUpTo = (
  sql: SqlClient,
  schema: SchemaName,
  lowest: bigint,
  settled: bigint,
  { categories, types }: SubscribeOptions
): Effect.Effect<bigint, SqlError> =>
  // Categories have an index, and there can't be more rows than positions.
  types === undefined || settled - lowest < SEARCHED_ROWS
    ? Effect.succeed(settled)
    : Effect.map(
        positionAfterRows(sql, schema, { categories }, lowest, settled, SEARCHED_ROWS),
        (position) => position ?? settled
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
