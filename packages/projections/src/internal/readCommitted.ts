/**
 * READ COMMITTED for statements that are their own transactions, whatever a role or a database begins those with.
 *
 * Under another level a statement keeps the snapshot of before it waited: one that waited for a switch would read the table
 * that serves now as it was when it was a shadow, and one that met another writer of a row would fail.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inTransaction } from "./postgresLocks.ts"
import { transaction } from "./postgresTransaction.ts"

/** Whether the sessions of a client begin with READ COMMITTED; each client is asked once. */
const isDefault = new WeakMap<SqlClient, boolean>()

const ask = (sql: SqlClient): Effect.Effect<boolean, SqlError> =>
  Effect.map(
    sql<{
      readonly level: string
    }>`SELECT current_setting('default_transaction_isolation') AS level`.unprepared,
    (rows) => {
      const is = Arr.getUnsafe(rows, 0).level === "read committed"
      isDefault.set(sql, is)
      return is
    }
  )

/** Runs the effect under it: in a transaction where sessions begin with another level, and in the caller's as that is. */
export const readCommitted = <A, E>(
  sql: SqlClient,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError> =>
  Effect.suspend(() => {
    const known = isDefault.get(sql)
    if (known === true) return effect
    return Effect.flatMap(inTransaction(sql), (inside): Effect.Effect<A, E | SqlError> => {
      if (inside) return effect
      return Effect.flatMap(known === false ? Effect.succeed(false) : ask(sql), (is) =>
        is ? effect : transaction(sql, effect)
      )
    })
  })
