/**
 * READ COMMITTED for what needs it, whatever a role or a database begins its transactions with.
 *
 * What waits for another writer must see what that one wrote, and the snapshot of another level is older than the wait.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inTransaction, transaction } from "../../../sql/Transaction.ts"
import { rootMessage } from "../../start/rootMessage.ts"

/** The clients whose sessions begin with another level: each finds out once, and the others pay nothing for it. */
const otherwise = new WeakSet<SqlClient>()

/**
 * Runs one statement, which says for itself that it needs READ COMMITTED, under it; in a transaction of the caller as
 * that is.
 */
export const statement = <A>(
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

/** The level under which a function of the log found itself and refused to go on. */
export const refusedIsolation = (error: SqlError): string | undefined =>
  /needs READ COMMITTED, not (.+)$/.exec(rootMessage(error))?.[1]
