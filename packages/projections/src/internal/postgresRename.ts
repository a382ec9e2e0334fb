/**
 * Gives the name of a read model to the table of another generation, in one step for readers.
 *
 * Who may do what with the table that served may do it with the one that serves, and its comments go with it.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { quoted } from "./postgresColumns.ts"
import * as PostgresTable from "./postgresTable.ts"

/**
 * How long a switch waits for statements that read the tables: new ones wait behind it. It is shorter than
 * `deadlock_timeout`, so that of a switch and an append in a transaction that has read the table, which wait for each
 * other, the switch gives up.
 */
const LOCK_MILLIS = 500

export const rename = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  serving: number,
  shadow: number
): Effect.fn.Return<void, SqlError> {
  const served = PostgresTable.relationIn(schema, name, { generation: serving, serves: true })
  const rebuilt = PostgresTable.relationIn(schema, name, { generation: shadow, serves: false })
  const [timeout] = yield* sql<{ readonly before: string }>`
    SELECT current_setting('lock_timeout') AS before,
      set_config('lock_timeout', ${`${LOCK_MILLIS}ms`}, true)`
  yield* sql.unsafe(`LOCK TABLE ${served}, ${rebuilt} IN ACCESS EXCLUSIVE MODE`).unprepared
  yield* sql`SELECT set_config('lock_timeout', ${timeout?.before ?? "0"}, true)`
  const changes = yield* sql.unsafe<{ readonly statement: string }>(HANDED_ON, [
    PgTypes.text(served),
    PgTypes.text(rebuilt)
  ])
  for (const { statement } of changes) yield* sql.unsafe(statement).unprepared
  const retired = PostgresTable.relation(name, { generation: serving, serves: false })
  yield* sql.unsafe(`ALTER TABLE ${served} RENAME TO ${quoted(retired)}`).unprepared
  yield* sql.unsafe(`ALTER TABLE ${rebuilt} RENAME TO ${quoted(name)}`).unprepared
})

const GRANTEE =
  "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END"

/**
 * The statements that give table $2 the grants and comments of table $1: first what it has by default is taken away, since
 * somebody may have taken it from the other. What its owner may do is left alone.
 */
const HANDED_ON = `
  WITH served AS (SELECT * FROM pg_class WHERE oid = $1::regclass),
    rebuilt AS (SELECT * FROM pg_class WHERE oid = $2::regclass),
    both_columns AS (
      SELECT s.attname, s.attnum, s.attacl
      FROM pg_attribute s JOIN pg_attribute r ON r.attname = s.attname
      WHERE s.attrelid = $1::regclass AND r.attrelid = $2::regclass
        AND s.attnum > 0 AND NOT s.attisdropped AND NOT r.attisdropped
    )
  SELECT format('REVOKE ALL ON TABLE %s FROM %s', $2::regclass, ${GRANTEE}) AS statement,
      1 AS turn
    FROM rebuilt, aclexplode(rebuilt.relacl) a WHERE a.grantee <> rebuilt.relowner
  UNION
  SELECT format('GRANT %s ON TABLE %s TO %s%s', a.privilege_type, $2::regclass,
      ${GRANTEE}, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), 2
    FROM served, aclexplode(served.relacl) a WHERE a.grantee <> served.relowner
  UNION
  SELECT format('GRANT %s (%I) ON TABLE %s TO %s%s', a.privilege_type, c.attname, $2::regclass,
      ${GRANTEE}, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), 2
    FROM served, both_columns c, aclexplode(c.attacl) a WHERE a.grantee <> served.relowner
  UNION
  SELECT format('COMMENT ON TABLE %s IS %L', $2::regclass, d.description), 3
    FROM pg_description d
    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = $1::regclass AND d.objsubid = 0
  UNION
  SELECT format('COMMENT ON COLUMN %s.%I IS %L', $2::regclass, c.attname, d.description), 3
    FROM both_columns c JOIN pg_description d
      ON d.classoid = 'pg_class'::regclass AND d.objoid = $1::regclass AND d.objsubid = c.attnum
  ORDER BY turn`
