/**
 * Statements that may fail without ending the transaction of their caller, and are under READ COMMITTED without one.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inTransaction } from "../../../sql/Transaction.ts"
import { statement } from "./readCommitted.ts"

/** Inside of a caller's transaction a failed statement would end it, so it gets a savepoint there. */
export const inSavepoint = <A>(
  sql: SqlClient,
  effect: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) =>
    inside ? sql.withTransaction(effect) : statement(sql, effect)
  )
