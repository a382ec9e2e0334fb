/**
 * The migration lock: one host at a time changes the schema of a log, however many start at once,
 * and it waits for others in short steps.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Patience } from "../../../PostgresLocks.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { holdersOfSchema } from "../locks/holders.ts"
import { boundedWaits, patiently } from "../locks/waitForLock.ts"

/**
 * The longest wait of a change for transactions that use what it changes; later transactions queue
 * meanwhile.
 */
const LOCK_MILLIS = 500

/**
 * The pause before the next try when a transaction outlasts the wait: later transactions pass
 * meanwhile.
 */
const PAUSE_MILLIS = 500

/** Waits for a turn, which lasts until the transaction ends. */
const takeTurn = (sql: SqlClient, turn: string): Effect.Effect<void, SqlError> =>
  Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtextextended(${turn}, 0))`)

const turnOf = (schema: SchemaName) => `daybook migrations of ${schema}`

/**
 * Makes a change in its turn, with short waits for locks; inside a transaction, which
 * {@link comingAgain} repeats.
 */
export const inTurn = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.flatMap(Patience, ({ changes }) =>
    boundedWaits(
      sql,
      // No other transaction queues behind the wait for a turn. 0 would mean no limit.
      Math.max(Duration.toMillis(changes), 1),
      Effect.andThen(takeTurn(sql, turnOf(schema)), boundedWaits(sql, LOCK_MILLIS, work))
    )
  )

/**
 * Repeats a transaction that changes the log until it gets its locks, as long as the patience for
 * changes lasts.
 */
export const comingAgain = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  transaction: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.flatMap(Patience, ({ changes }) =>
    patiently(transaction, {
      sql,
      patience: changes,
      pauseMillis: PAUSE_MILLIS,
      what: `The log in schema ${schema}`,
      holders: holdersOfSchema(sql, { schema, turn: turnOf(schema) })
    })
  )
