/**
 * Statements that may fail without ending the transaction of their caller.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Whether the caller has a transaction open on the client. */
export const inTransaction = (sql: SqlClient): Effect.Effect<boolean> =>
  Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)

/** Inside of a caller's transaction a failed statement would end it, so it gets a savepoint there. */
export const inSavepoint = <A>(
  sql: SqlClient,
  effect: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) => (inside ? sql.withTransaction(effect) : effect))
