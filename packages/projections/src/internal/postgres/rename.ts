/**
 * Gives the name of a read model to the table of another generation, in one step for readers.
 *
 * Grants, row security with its policies, and comments move from the table that served to the one
 * that serves, and views follow. Dependents that can't follow stop the switch, or are named: see
 * `dependents.ts`.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { DependentRefused } from "./errors.ts"
import { quoted } from "./columns.ts"
import { type Dependent, dependents } from "./dependents.ts"
import { holdTables } from "./locks.ts"
import * as TableSql from "./tableSql.ts"

/**
 * The time that a switch waits for statements that read the tables, or views of them; new ones
 * queue behind it. It is shorter than `deadlock_timeout`, so that of a switch and an append that
 * deadlock, in a transaction that has read the table, the switch gives up.
 */
const LOCK_MILLIS = 500

/** Renames both tables, and returns the dependents that stay with the table that served. */
export const rename = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  serving: number,
  shadow: number
): Effect.fn.Return<ReadonlyArray<string>, DependentRefused | SqlError> {
  const served = TableSql.relationIn(schema, name, { generation: serving, serves: true })
  const rebuilt = TableSql.relationIn(schema, name, { generation: shadow, serves: false })
  const [timeout] = yield* sql<{ readonly before: string }>`
    SELECT current_setting('lock_timeout') AS before,
      set_config('lock_timeout', ${`${LOCK_MILLIS}ms`}, true)`
  yield* holdTables(sql, [served, rebuilt], "wait")
  const found = yield* dependents(sql, name, served)
  const refused = found.filter(({ becomes }) => becomes === "refused").map(({ what }) => what)
  if (Arr.isReadonlyArrayNonEmpty(refused)) {
    return yield* new DependentRefused({ schema, relation: name, dependents: refused })
  }
  const changes = yield* sql.unsafe<{ readonly statement: string }>(HANDED_ON, [
    PgTypes.text(served),
    PgTypes.text(rebuilt)
  ])
  for (const { statement } of changes) yield* sql.unsafe(statement).unprepared
  const retired = TableSql.relationName(name, { generation: serving, serves: false })
  yield* sql.unsafe(`ALTER TABLE ${served} RENAME TO ${quoted(retired)}`).unprepared
  yield* sql.unsafe(`ALTER TABLE ${rebuilt} RENAME TO ${quoted(name)}`).unprepared
  // The statements name the table as it was called when they were made: that is the new one now.
  const stays = found.filter(({ becomes }) => becomes === "stays")
  for (const dependent of found.filter(({ becomes }) => becomes === "follows")) {
    if (!(yield* follow(sql, schema, name, dependent))) stays.push(dependent)
  }
  yield* sql`SELECT set_config('lock_timeout', ${timeout?.before ?? "0"}, true)`
  // The owner's come first: a list that is cut must not lose them among those of others.
  return [...stays.filter(({ own }) => own), ...stays.filter(({ own }) => !own)].map(
    ({ what }) => what
  )
})

/**
 * Moves a dependent to the new table. Returns false if one of another role can't follow, such as a
 * view of a column that a new version no longer has.
 */
const follow = (
  sql: SqlClient,
  schema: SchemaName,
  relation: string,
  { own, statement, what }: Dependent
): Effect.Effect<boolean, DependentRefused | SqlError> =>
  sql.withTransaction(Effect.as(sql.unsafe(statement ?? "").unprepared, true)).pipe(
    Effect.catchIf(
      (error) => isSqlError(error) && MAY_PASS.has(error.reason._tag),
      // A held lock or a lost connection may pass, so the switch fails and is retried.
      (error) => Effect.fail(error),
      () =>
        own
          ? Effect.fail(new DependentRefused({ schema, relation, dependents: [what] }))
          : Effect.succeed(false)
    )
  )

const MAY_PASS = new Set([
  "ConnectionError",
  "DeadlockError",
  "LockTimeoutError",
  "SerializationError",
  "StatementTimeoutError"
])

/**
 * Revokes the default privileges of other roles on a new table, which gets the grants of the
 * serving table when it serves.
 */
export const takeGrants = Effect.fnUntraced(function* (
  sql: SqlClient,
  table: string
): Effect.fn.Return<void, SqlError> {
  const changes = yield* sql.unsafe<{ readonly statement: string }>(TAKEN, [PgTypes.text(table)])
  for (const { statement } of changes) yield* sql.unsafe(statement).unprepared
})

const GRANTEE =
  "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)::text) END"

const REVOKE = `format('REVOKE ALL ON TABLE %s FROM %s CASCADE', c.oid::regclass, ${GRANTEE})`

const TAKEN = `SELECT DISTINCT ${REVOKE} AS statement
  FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1::text::regclass::oid AND a.grantee <> c.relowner`

/**
 * Selects the statements that give table $2 the grants and comments of table $1. First they revoke
 * the default privileges, which may have been revoked on table $1. The owner's privileges are left
 * alone.
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
  SELECT ${REVOKE} AS statement, 1 AS turn
    FROM rebuilt c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner
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
