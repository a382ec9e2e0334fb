/**
 * Runs statements under READ COMMITTED, whatever level a role or a database sets as its default.
 *
 * A statement that waits for another writer must see that writer's rows, and under another level
 * its snapshot is older than the wait. The functions of the log refuse another level, so nothing is
 * asked beforehand; read models, whose statements don't refuse it, have a module of this name that
 * asks.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inTransaction, transaction } from "../../../sql/Transaction.ts"
import { rootMessage } from "../../start/rootMessage.ts"

/**
 * The clients whose sessions begin with another level: each finds out once, and other clients pay
 * nothing for it.
 */
const otherwise = new WeakSet<SqlClient>()

/** Returns true if a session of the client was found to begin with another level. */
export const isOtherwise = (sql: SqlClient): boolean => otherwise.has(sql)

/**
 * Runs one statement, which itself refuses another level, under READ COMMITTED; inside the caller's
 * transaction, under that transaction's level.
 */
export const readCommitted = <A>(
  sql: SqlClient,
  effect: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> => {
  const apart = transaction(sql, effect)
  return Effect.suspend(() =>
    otherwise.has(sql)
      ? Effect.flatMap(inTransaction(sql), (inside) => (inside ? effect : apart))
      : Effect.catchIf(
          effect,
          (error) => refusedIsolation(error) !== undefined,
          (error) =>
            Effect.flatMap(inTransaction(sql), (inside) => {
              if (inside) return Effect.fail(error)
              otherwise.add(sql)
              return apart
            })
        )
  )
}

/**
 * Runs one statement as {@link readCommitted} does, and inside the caller's transaction in a
 * savepoint, so that its failure does not end that transaction.
 */
export const readCommittedOrSavepoint = <A>(
  sql: SqlClient,
  effect: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) =>
    inside ? sql.withTransaction(effect) : readCommitted(sql, effect)
  )

/** The isolation level under which a function of the log refused to run. */
export const refusedIsolation = (error: SqlError): string | undefined =>
  /needs READ COMMITTED, not (.+)$/.exec(rootMessage(error))?.[1]
