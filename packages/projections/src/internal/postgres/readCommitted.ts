/**
 * Runs statements that are their own transactions under READ COMMITTED, whatever the default of the
 * role or the database is.
 *
 * Under another level a statement keeps the snapshot from before it waited: after a wait for a
 * switch it would read the serving table as it was when it was a shadow, and after a wait for
 * another writer of a row it would fail. These statements don't refuse another level, as the
 * functions of the log do, so the level is asked for beforehand.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"

/** The default level of a client's sessions, as one of them had it, and the time of that query. */
interface Known {
  readonly isDefault: boolean
  readonly at: number
}

const known = new WeakMap<SqlClient, Known>()

/**
 * The time for which a known default level is trusted, in milliseconds. An altered role gives its
 * level to later connections, so the connections of a pool may differ; once one of them has another
 * level, all are taken to have it.
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

/**
 * Runs the effect under READ COMMITTED: in a transaction if sessions have another default. Inside
 * the caller's transaction, it runs under the level of that.
 */
export const readCommitted = <A, E>(
  sql: SqlClient,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside): Effect.Effect<A, E | SqlError> => {
    if (inside) return effect
    return Effect.flatMap(ask(sql), (is) =>
      is
        ? Effect.tapError(effect, (error) =>
            // Only a session with another level refuses a single statement for another's writes.
            isSqlError(error) && error.reason._tag === "SerializationError"
              ? Effect.sync(() => known.set(sql, { isDefault: false, at: 0 }))
              : Effect.void
          )
        : transaction(sql, effect)
    )
  })
