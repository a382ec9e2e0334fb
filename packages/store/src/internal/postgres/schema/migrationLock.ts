/**
 * One at a time changes the schema of a log, however many hosts start at once, and waits for others step by step.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Patience } from "../../../PostgresLocks.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { holdersOfSchema } from "../locks/holders.ts"
import { boundedWaits, patiently } from "../locks/patience.ts"

/** How long a change waits for transactions that use what it changes, while those that come later wait behind it. */
const LOCK_MILLIS = 500

/** For a transaction that lasts it steps aside for so long, and comes again. */
const PAUSE_MILLIS = 500

/** Waits for its turn, which lasts until the transaction ends. */
const takeTurn = (sql: SqlClient, turn: string): Effect.Effect<void, SqlError> =>
  Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtextextended(${turn}, 0))`)

const turnOf = (schema: SchemaName) => `daybook migrations of ${schema}`

/** Makes a change when its turn has come; each wait for a lock in it is short. In a transaction, which {@link comingAgain} repeats. */
export const inTurn = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.flatMap(Patience, ({ changes }) =>
    boundedWaits(
      sql,
      // Nobody queues behind who waits for a turn. 0 would be no limit at all.
      Math.max(Duration.toMillis(changes), 1),
      Effect.andThen(takeTurn(sql, turnOf(schema)), boundedWaits(sql, LOCK_MILLIS, work))
    )
  )

/** Makes a transaction's changes to the log when nobody uses what it changes. */
export const comingAgain = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  transaction: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.flatMap(Patience, ({ changes }) =>
    patiently(transaction, {
      patience: changes,
      pauseMillis: PAUSE_MILLIS,
      what: `The log in schema ${schema}`,
      holders: holdersOfSchema(sql, { schema, turn: turnOf(schema) })
    })
  )
