/**
 * The rights of the current role on the record of acts of a log, for authors of packages that
 * record acts on what they keep beside it.
 *
 * @since 0.1.0
 */
import * as PgTypes from "./PgTypes.ts"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"

/**
 * Returns true if the database has the log, and the role may call its `record_act`.
 *
 * @category operations
 * @since 0.1.0
 */
export const mayRecord = (sql: SqlClient, log: SchemaName): Effect.Effect<boolean, SqlError> =>
  can(
    sql,
    log,
    `EXISTS (SELECT FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = n.oid AND p.proname::pg_catalog.text = 'record_act'
      AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'::pg_catalog.text))`
  )

/**
 * Returns true if the database has the log, and the role may read its `acts`.
 *
 * @category operations
 * @since 0.1.0
 */
export const mayRead = (sql: SqlClient, log: SchemaName): Effect.Effect<boolean, SqlError> =>
  can(
    sql,
    log,
    `EXISTS (SELECT FROM pg_catalog.pg_class c
    WHERE c.relnamespace = n.oid AND c.relname::pg_catalog.text = 'acts'
      AND pg_catalog.has_table_privilege(c.oid, 'SELECT'::pg_catalog.text))`
  )

const can = (sql: SqlClient, log: SchemaName, what: string) =>
  Effect.map(
    sql.unsafe<{ readonly can: boolean }>(
      `SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text) AND ${what} AS can
      FROM pg_catalog.pg_namespace n WHERE n.nspname::pg_catalog.text = $1`,
      [PgTypes.text(log)]
    ),
    ([row]) => row?.can === true
  )
