/**
 * Checks, when a store is opened, that a schema in PostgreSQL meets the needs of the code; for
 * authors of stores.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { refuseUnfit } from "../internal/postgres/start/refuseUnfit.ts"
import { readCommittedOrSavepoint } from "../internal/postgres/sql/readCommitted.ts"
import type { SchemaName } from "../PostgresSchema.ts"
import { InRecovery, NotMigrated, NotPermitted, type SchemaUnready } from "../PostgresStart.ts"

/**
 * The needs of a store of its schema.
 *
 * @category types
 * @since 0.1.0
 */
export interface Needs {
  readonly schema: SchemaName
  /** The table of migrations in the schema. */
  readonly table: string
  /** The number of the newest migration that the code knows. */
  readonly needed: number
  readonly migrations: NotMigrated["migrations"]
  /** True for a log, which can't be read on a standby; read models can. */
  readonly onPrimary: boolean
}

interface Facts {
  readonly database: string
  readonly role: string
  readonly is_standby: boolean
  readonly exists: boolean
  readonly may_use: boolean | null
  readonly may_read: boolean | null
}

/**
 * Fails unless the database can hold a log, the schema has the needed migrations, and the user may
 * use it.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function* (
  client: SqlClient,
  { migrations, needed, onPrimary, schema, table }: Needs
): Effect.fn.Return<void, SchemaUnready> {
  const sql = client.withoutTransforms()
  yield* refuseUnfit(sql)
  // Every role may read the catalog, so a missing table or privilege does not fail the statement.
  const [facts] = yield* readCommittedOrSavepoint(
    sql,
    sql<Facts>`
      SELECT current_database()::text AS database, current_user::text AS role,
        pg_is_in_recovery() AS is_standby, c.oid IS NOT NULL AS exists,
        has_schema_privilege(n.oid, 'USAGE') AS may_use, has_table_privilege(c.oid, 'SELECT') AS may_read
      FROM (VALUES (${schema}::name, ${table}::name)) AS asked (schema, name)
      LEFT JOIN pg_namespace n ON n.nspname = asked.schema
      LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name`.unprepared
  )
  if (facts === undefined)
    return yield* Effect.die(new Error("PostgreSQL returned no facts about the schema"))
  const { database, role } = facts
  if (!facts.exists) {
    return yield* new NotMigrated({ schema, database, found: 0, needed, migrations })
  }
  if (facts.may_use !== true) return yield* new NotPermitted({ schema, database, role })
  if (onPrimary && facts.is_standby) return yield* new InRecovery({ database })
  // A role that may read only some read models can't see the migrations.
  if (facts.may_read !== true) return
  const [row] = yield* readCommittedOrSavepoint(
    sql,
    sql<{ readonly found: number }>`
      SELECT coalesce(max(migration_id), 0) AS found FROM ${sql(`${schema}.${table}`)}`.unprepared
  )
  const found = row?.found ?? 0
  if (found < needed) {
    return yield* new NotMigrated({ schema, database, found, needed, migrations })
  }
  if (found > needed) {
    yield* Effect.logInfo(
      `Schema ${schema} of database ${database} is newer than this code: migration ${found}, and it knows ${needed}`
    )
  }
})
