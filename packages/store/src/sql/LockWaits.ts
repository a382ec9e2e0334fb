/**
 * Waiting for locks of PostgreSQL with an end, for authors of what keeps something beside the log.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { boundedWaits, patiently } from "../internal/postgres/locks/patience.ts"
import { holdersOfSchema } from "../internal/postgres/locks/holders.ts"
import { Patience } from "../PostgresLocks.ts"

/**
 * A schema that is changed in turns.
 *
 * **Details**
 * `turn`: the text of the advisory lock of 64 bits that changes take, by `hashtextextended`. `seed`: the relation whose oid is the seed of its hash;
 * without one that is 0.
 *
 * @category types
 * @since 0.1.0
 */
export interface Place {
  readonly schema: string
  readonly turn: string
  readonly seed?: string | undefined
}

/**
 * Names in the error of a lock that was not given in time who holds it: `SqlError` with a `LockTimeoutError`, caused by `LockHeld`.
 *
 * @category operations
 * @since 0.1.0
 */
export const orHeld = <A, E, R>(
  sql: SqlClient,
  place: Place,
  effect: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, E | SqlError, R> =>
  patiently(effect, {
    patience: Duration.zero,
    pauseMillis: 0,
    what: `Schema ${place.schema}`,
    holders: holdersOfSchema(sql, place)
  })

/**
 * Runs a transaction in which each wait for a lock is short, and again while locks are not given, as long as `PostgresLocks.Patience` has for changes.
 *
 * **Details**
 * Takes the turn of `place` first, without its `seed`. `transaction` gets work that it is to run in a transaction. Errors: those of {@link orHeld}.
 *
 * @category operations
 * @since 0.1.0
 */
export const inSteps = <A, E, R, A2, E2, R2>(
  sql: SqlClient,
  place: Place,
  work: Effect.Effect<A, E, R>,
  transaction: (work: Effect.Effect<A, E | SqlError, R>) => Effect.Effect<A2, E2 | SqlError, R2>
): Effect.Effect<A2, E2 | SqlError, R2> =>
  Effect.flatMap(Patience, ({ changes }) =>
    patiently(transaction(inTurn(sql, place.turn, changes, work)), {
      patience: changes,
      pauseMillis: STEP_MILLIS,
      what: `Schema ${place.schema}`,
      holders: holdersOfSchema(sql, place)
    })
  )

/** Nobody queues behind who waits for a turn, so that wait is a long one. */
const inTurn = <A, E, R>(
  sql: SqlClient,
  turn: string,
  patience: Duration.Duration,
  work: Effect.Effect<A, E, R>
) =>
  boundedWaits(
    sql,
    // 0 would be no limit at all.
    Math.max(Duration.toMillis(patience), 1),
    Effect.andThen(
      sql`SELECT pg_advisory_xact_lock(hashtextextended(${turn}, 0))`,
      boundedWaits(sql, STEP_MILLIS, work)
    )
  )

/** How long a change waits for transactions that use what it changes, while those that come later wait behind it; and steps aside then. */
const STEP_MILLIS = 500
