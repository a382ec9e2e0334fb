/**
 * Lists the partitions of a log and changes them: one host at a time, with the rights of the log's
 * owner.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { comingAgain, inTurn } from "../schema/migrationLock.ts"
import { transaction } from "../../../sql/Transaction.ts"
import { pinned } from "../../../sql/SearchPath.ts"

/** A partition of the table of events. */
interface PartitionRow {
  readonly table: string
  /** The first position; null if the range has no lower end. */
  readonly from: bigint | null
  /** The position after the last one; null if the range has no upper end. */
  readonly to: bigint | null
}

/**
 * Selects the table of events, or a table beside it, from `pg_class`.
 *
 * It looks for the name, not for a `regclass`: PostgreSQL resolves that through a cache, which
 * misses another table that takes the name while its transaction waits for a turn.
 */
export const logTable = (sql: SqlClient, schema: SchemaName, name = "events"): Fragment =>
  sql`SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${name}`

/**
 * Returns the partitions in the order of positions. A default partition has no range and is left
 * out.
 */
export const partitions = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<PartitionRow>, SqlError> => sql<PartitionRow>`
  SELECT c.relname::text AS "table",
    (regexp_match(b.bound, 'FROM \\(''?(\\d+)''?\\)'))[1]::bigint AS "from",
    (regexp_match(b.bound, 'TO \\(''?(\\d+)''?\\)'))[1]::bigint AS "to"
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN (${logTable(sql, schema)}) log ON log.oid = i.inhparent,
    LATERAL pg_get_expr(c.relpartbound, c.oid) AS b(bound)
  WHERE b.bound <> 'DEFAULT'
  ORDER BY "to", c.relname`

export const isPartitioned = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<boolean, SqlError> =>
  Effect.map(
    sql`SELECT FROM (${logTable(sql, schema)}) log WHERE relkind = 'p'`,
    (rows) => rows.length > 0
  )

/** Returns the number of the newest append, committed or not; 0 before the first. */
export const newestAppend = (sql: SqlClient, schema: SchemaName): Effect.Effect<bigint, SqlError> =>
  Effect.map(
    sql<{ readonly newest: bigint }>`SELECT ${sql(`${schema}.newest_append`)}() AS newest`,
    ([row]) => row?.newest ?? 0n
  )

export const runAll = (sql: SqlClient, statements: ReadonlyArray<string>) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })

/** Makes a change in its turn, when no other transaction uses what it changes. */
export const change = <A, E>(
  sql: SqlClient,
  schema: SchemaName,
  work: Effect.Effect<A, E | SqlError>
): Effect.Effect<A, E | SqlError> =>
  comingAgain(sql, schema, asOwner(sql, schema, inTurn(sql, schema, work)))

/**
 * Runs `work` in a transaction in which every new object belongs to the log's owner, whatever role
 * runs it.
 */
export const asOwner = <A, E>(
  sql: SqlClient,
  schema: SchemaName,
  work: Effect.Effect<A, E | SqlError>
): Effect.Effect<A, E | SqlError> =>
  transaction(
    sql,
    pinned(
      sql,
      Effect.gen(function* () {
        const [before] = yield* sql<{ readonly role: string }>`
          SELECT current_setting('role') AS role, set_config('role', pg_get_userbyid(relowner), true)
          FROM (${logTable(sql, schema)}) log`
        const answer = yield* work
        // The transaction may be part of the caller's, which continues in its own role.
        yield* sql`SELECT set_config('role', ${before?.role ?? "none"}, true)`
        return answer
      })
    )
  )
