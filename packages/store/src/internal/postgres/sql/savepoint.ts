/**
 * Runs statements that may fail without ending the caller's transaction; without one they run under
 * READ COMMITTED.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inTransaction } from "../../../sql/Transaction.ts"
import { statement } from "./readCommitted.ts"

/**
 * Runs `effect` in a savepoint inside a caller's transaction, which a failed statement would
 * otherwise end.
 */
export const inSavepoint = <A>(
  sql: SqlClient,
  effect: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) =>
    inside ? sql.withTransaction(effect) : statement(sql, effect)
  )
