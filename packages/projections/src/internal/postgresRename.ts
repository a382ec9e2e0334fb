/**
 * Gives the name of a read model to the table of another generation, in one step for readers.
 *
 * Who may do what with the table that served may do it with the one that serves, its comments go with it, and views of the one
 * are of the other.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { DependentView } from "../ReadModelStorePostgresError.ts"
import { quoted } from "./postgresColumns.ts"
import { holdTables } from "./postgresLocks.ts"
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
): Effect.fn.Return<void, DependentView | SqlError> {
  const served = PostgresTable.relationIn(schema, name, { generation: serving, serves: true })
  const rebuilt = PostgresTable.relationIn(schema, name, { generation: shadow, serves: false })
  const [timeout] = yield* sql<{ readonly before: string }>`
    SELECT current_setting('lock_timeout') AS before,
      set_config('lock_timeout', ${`${LOCK_MILLIS}ms`}, true)`
  yield* holdTables(sql, [served, rebuilt], "wait")
  yield* sql`SELECT set_config('lock_timeout', ${timeout?.before ?? "0"}, true)`
  const changes = yield* sql.unsafe<{ readonly statement: string }>(HANDED_ON, [
    PgTypes.text(served),
    PgTypes.text(rebuilt)
  ])
  for (const { statement } of changes) yield* sql.unsafe(statement).unprepared
  // Their definitions name the table now, and stay with it when it gets another name.
  const views = yield* sql.unsafe<View>(VIEWS, [PgTypes.text(served)])
  const snapshot = views.find(({ statement }) => statement === null)
  if (snapshot !== undefined) {
    return yield* new DependentView({ schema, relation: name, view: snapshot.view })
  }
  const retired = PostgresTable.relation(name, { generation: serving, serves: false })
  yield* sql.unsafe(`ALTER TABLE ${served} RENAME TO ${quoted(retired)}`).unprepared
  yield* sql.unsafe(`ALTER TABLE ${rebuilt} RENAME TO ${quoted(name)}`).unprepared
  for (const { statement } of views) yield* sql.unsafe(statement ?? "").unprepared
})

interface View {
  readonly view: string
  /** None for one that is materialized. */
  readonly statement: string | null
}

/** The views that read table $1, with the statements that define them anew; those that read them follow by themselves. */
const VIEWS = `
  SELECT v.oid::regclass::text AS view, CASE WHEN v.relkind = 'v' THEN format(
      'CREATE OR REPLACE VIEW %s %s AS %s', v.oid::regclass,
      CASE WHEN v.reloptions IS NULL THEN '' ELSE format('WITH (%s)', array_to_string(v.reloptions, ', ')) END,
      pg_get_viewdef(v.oid)) END AS statement
  FROM pg_class v
  WHERE v.relkind IN ('v', 'm') AND EXISTS (
    SELECT FROM pg_rewrite w JOIN pg_depend d
      ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
    WHERE w.ev_class = v.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::regclass)
  ORDER BY v.oid`

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
