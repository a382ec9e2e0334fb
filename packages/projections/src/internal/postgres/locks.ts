/**
 * The order of locks in PostgreSQL, and their timeouts.
 *
 * Locks are taken in this order, and within a kind in the order of keys, so that no two
 * transactions deadlock:
 *
 * 1. A read model, an advisory lock: shared by appends that may maintain it, exclusive for changes
 *    of its generations.
 * 2. Rows of an inline read model, advisory locks by a hash of their keys.
 * 3. The locks of an append to the log: its streams, then its announcement.
 * 4. Tables of read models, then generations, then checkpoints, then rows. A step takes only these,
 *    in one statement, which locks its table before it reads the generation.
 */
import { orHeld } from "@daybook/store/sql/LockWaits"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { quoted } from "./columns.ts"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"
import { pinned } from "@daybook/store/sql/SearchPath"

/** Returns a duration for PostgreSQL, whose times are 32 bits of milliseconds. */
export const millisOf = (duration: Duration.Duration): number =>
  Math.min(Math.max(Duration.toMillis(duration), 0), 2_147_483_647)

/** The time after which the server ends an idle holder of a read model's lock or a wait. */
export const CHANGE_TIMEOUT = Duration.seconds(10)

/**
 * Runs a change of a read model's generations in a transaction, with no other change of them and no
 * append that maintains it in flight.
 *
 * The server ends a host that freezes in it after `timeout`, and a wait as well. A transaction of
 * the caller keeps the timeouts that the caller has set.
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

/**
 * Adds to the error of a lock timeout the holders of the read model, or the users of a table of the
 * schema.
 */
export const naming = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  effect: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, E | SqlError, R> =>
  orHeld(sql, { schema, turn: name, seed: `${quoted(schema)}.daybook__generations` }, effect)

/**
 * Waits for the steps that write tables, and lets no further step begin. Locking a generation
 * without its table would deadlock: a step that has locked the table waits for the generation.
 * Readers go on unless `readers` is `wait`.
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

/**
 * Locks one generation in the current transaction, and returns true if the lock is taken.
 *
 * The server ends a host that freezes with the lock, and a wait as well, except in a transaction of
 * the caller, as in {@link changing}.
 */
export const lockGeneration = (
  sql: SqlClient,
  schema: SchemaName,
  of: { readonly name: string; readonly generation: number },
  { isCallers, whenLocked }: { readonly isCallers: boolean; readonly whenLocked: "skip" | "wait" }
): Effect.Effect<boolean, SqlError> => {
  // One statement saves a round trip. Rows are locked after the join, so the timeouts are set by
  // then.
  const [timeouts, from] = isCallers
    ? ["", ""]
    : [`WITH timeouts AS MATERIALIZED (SELECT ${setTimeouts("$3")})`, "CROSS JOIN timeouts"]
  return Effect.map(
    sql.unsafe(
      `${timeouts} SELECT 1 FROM ${quoted(schema)}.daybook__generations g ${from}
      WHERE g.name = $1 AND g.generation = $2
      FOR UPDATE OF g ${whenLocked === "skip" ? "SKIP LOCKED" : ""}`,
      [
        PgTypes.text(of.name),
        PgTypes.int4(of.generation),
        ...(isCallers ? [] : [timeoutOf(CHANGE_TIMEOUT)])
      ]
    ),
    (rows) => rows.length > 0
  )
}

const bound = (sql: SqlClient, timeout: Duration.Duration) =>
  sql.unsafe(`SELECT ${setTimeouts("$1")}`, [timeoutOf(timeout)])

const setTimeouts = (parameter: string) =>
  `pg_catalog.set_config('idle_in_transaction_session_timeout', ${parameter}, true),
    pg_catalog.set_config('lock_timeout', ${parameter}, true)`

/** Returns a timeout in milliseconds; PostgreSQL takes 0 for no limit. */
const timeoutOf = (timeout: Duration.Duration) =>
  PgTypes.text(String(Math.max(Math.ceil(millisOf(timeout)), 1)))

const locked = (sql: SqlClient, schema: SchemaName, name: string) =>
  sql.unsafe(
    `SELECT pg_advisory_xact_lock(
      hashtextextended($1, '${quoted(schema)}.daybook__generations'::regclass::oid::bigint))`,
    [PgTypes.text(name)]
  )
