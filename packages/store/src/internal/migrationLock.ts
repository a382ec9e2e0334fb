/**
 * One at a time changes the schema of a log, however many hosts start at once.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"

/** Waits for its turn, which lasts until the transaction ends. */
export const takeTurn = (sql: SqlClient, schema: SchemaName): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql`SELECT pg_advisory_xact_lock(hashtextextended(${`daybook migrations of ${schema}`}, 0))`
  )
