/**
 * READ COMMITTED for statements that are their own transactions, whatever a role or a database begins those with.
 *
 * Under another level a statement keeps the snapshot of before it waited: one that waited for a switch would read the table
 * that serves now as it was when it was a shadow, and one that met another writer of a row would fail.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"

/** What is known of the sessions of a client: the level that one of them began with, and when it was asked. */
interface Known {
  readonly isDefault: boolean
  readonly at: number
}

const known = new WeakMap<SqlClient, Known>()

/**
 * How long it is believed, in milliseconds. A role that is altered gives its level to the connections that are opened after that, so
 * those of a pool may differ; once one of them has another level, all are taken to have it.
 */
const BELIEVED = 1_000

const ask = Effect.fnUntraced(function* (sql: SqlClient): Effect.fn.Return<boolean, SqlError> {
  const before = known.get(sql)
  if (before?.isDefault === false) return false
  const at = yield* Clock.currentTimeMillis
  if (before !== undefined && at >= before.at && at - before.at < BELIEVED) return true
  const rows = yield* sql<{
    readonly level: string
  }>`SELECT current_setting('default_transaction_isolation') AS level`.unprepared
  const isDefault = Arr.getUnsafe(rows, 0).level === "read committed"
  known.set(sql, { isDefault: isDefault && known.get(sql)?.isDefault !== false, at })
  return isDefault
})

/** Runs the effect under it: in a transaction where sessions begin with another level, and in the caller's as that is. */
export const readCommitted = <A, E>(
  sql: SqlClient,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside): Effect.Effect<A, E | SqlError> => {
    if (inside) return effect
    return Effect.flatMap(ask(sql), (is) =>
      is
        ? Effect.tapError(effect, (error) =>
            // Only a session with another level refuses a statement of its own for what others wrote.
            isSqlError(error) && error.reason._tag === "SerializationError"
              ? Effect.sync(() => known.set(sql, { isDefault: false, at: 0 }))
              : Effect.void
          )
        : transaction(sql, effect)
    )
  })
