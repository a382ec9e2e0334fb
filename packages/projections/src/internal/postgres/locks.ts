/**
 * Who waits for whom in PostgreSQL, and for how long at most.
 *
 * Locks are taken in this order, and of a kind in the order of its keys, so that no two transactions wait in a ring:
 *
 * 1. A read model, an advisory lock: shared by appends that may keep it, exclusive for what changes its generations.
 * 2. Rows of a read model that appends keep, advisory locks by a hash of their keys.
 * 3. What an append of the log takes: its streams, then its announcement.
 * 4. Tables of read models, then generations, then checkpoints, then rows. A step takes no others, and in one
 *    statement, which has its table before it looks at the generation.
 */
import { orHeld } from "@daybook/store/sql/LockWaits"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { quoted } from "./columns.ts"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"
import { pinned } from "@daybook/store/sql/SearchPath"

/** A duration for PostgreSQL, whose times are 32 bits of milliseconds. */
export const millisOf = (duration: Duration.Duration): number =>
  Math.min(Math.max(Duration.toMillis(duration), 0), 2_147_483_647)

/** What holds a read model for longer without saying anything is ended by the server; so is what waits for one. */
export const CHANGE_TIMEOUT = Duration.seconds(10)

/**
 * Runs a change of a read model's generations, in a transaction with no other change of them, and no append that keeps
 * it, under way.
 *
 * A host that freezes in it is ended by the server after `timeout`, as is a wait; a transaction of the caller is left
 * as the caller has set it.
 */
export const changing = <A, E>(
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  change: Effect.Effect<A, E>,
  timeout: Duration.Duration = CHANGE_TIMEOUT
): Effect.Effect<A, E | SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) =>
    naming(
      sql,
      schema,
      name,
      transaction(
        sql,
        pinned(
          sql,
          Effect.gen(function* () {
            if (!inside) yield* bound(sql, timeout)
            yield* locked(sql, schema, name)
            return yield* change
          })
        )
      )
    )
  )

/** Names in the error of a lock that was not given in time who holds the read model, or uses a table of the schema. */
export const naming = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  effect: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, E | SqlError, R> =>
  orHeld(sql, { schema, turn: name, seed: `${quoted(schema)}.daybook__generations` }, effect)

/**
 * Waits for the steps that write tables, and lets no others begin: who locks a generation without its table is waited
 * for by a step that has the table, and could never have that. Readers go on, unless they are to be kept out.
 */
export const holdTables = (
  sql: SqlClient,
  tables: ReadonlyArray<string>,
  readers: "go on" | "wait"
): Effect.Effect<void, SqlError> =>
  tables.length === 0
    ? Effect.void
    : Effect.asVoid(
        sql.unsafe(
          `LOCK TABLE ${tables.join(", ")} IN ${readers === "wait" ? "ACCESS EXCLUSIVE" : "EXCLUSIVE"} MODE`
        ).unprepared
      )

const bound = (sql: SqlClient, timeout: Duration.Duration) => {
  // 0 would be no limit at all.
  const millis = String(Math.max(Math.ceil(millisOf(timeout)), 1))
  return sql`
    SELECT set_config('idle_in_transaction_session_timeout', ${millis}, true),
      set_config('lock_timeout', ${millis}, true)`
}

const locked = (sql: SqlClient, schema: SchemaName, name: string) =>
  sql.unsafe(
    `SELECT pg_advisory_xact_lock(
      hashtextextended($1, '${quoted(schema)}.daybook__generations'::regclass::oid::bigint))`,
    [PgTypes.text(name)]
  )
