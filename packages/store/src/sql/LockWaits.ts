/**
 * Bounded waits for locks of PostgreSQL, for authors of packages that store tables beside the log.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { boundedWaits, patiently } from "../internal/postgres/locks/waitForLock.ts"
import { holdersOfSchema } from "../internal/postgres/locks/holders.ts"
import { Patience } from "../PostgresLocks.ts"

/**
 * A schema whose changes take turns.
 *
 * @category types
 * @since 0.1.0
 */
export interface Place {
  readonly schema: string
  /** The text whose 64-bit `hashtextextended` is the advisory lock of changes. */
  readonly turn: string
  /** The relation whose oid seeds the hash; 0 if absent. */
  readonly seed?: string | undefined
}

/**
 * Adds the holders to the error of a lock that was not granted in time: `SqlError` with a
 * `LockTimeoutError`, caused by `LockHeld`.
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
    sql,
    patience: Duration.zero,
    pauseMillis: 0,
    what: `Schema ${place.schema}`,
    holders: holdersOfSchema(sql, place)
  })

/**
 * Runs a transaction whose waits for locks are short, and repeats it while locks are not granted,
 * for as long as `PostgresLocks.Patience` has for changes.
 *
 * **Details**
 * Takes the turn of `place` first, without its `seed`. `transaction` runs the given work in a
 * transaction.
 * Errors: as {@link orHeld}.
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
      sql,
      patience: changes,
      pauseMillis: STEP_MILLIS,
      what: `Schema ${place.schema}`,
      holders: holdersOfSchema(sql, place)
    })
  )

/**
 * The wait for the turn may be long, since no append queues after it; `work` waits in short steps.
 */
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
      sql`SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(${turn}, 0))`,
      boundedWaits(sql, STEP_MILLIS, work)
    )
  )

/**
 * The time that a change waits for transactions that use its tables, before it steps aside: later
 * transactions queue after it meanwhile.
 */
const STEP_MILLIS = 500
