/**
 * Hides the tables of the runner from roles that may only read rows of read models.
 *
 * Default privileges of the schema's owner, and `GRANT ... ON ALL TABLES`, also give readers of
 * rows the tables of the runner, which hold values of events that could not be folded, and the
 * reasons for which events were skipped.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Revokes the privileges of other roles than the owner on the tables of the runner; runs in the
 * transaction of the caller, who is the owner.
 *
 * Readers of rows keep the columns that queries need. Roles that may read the events themselves
 * keep reading all columns.
 */
export const shut = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  log: SchemaName
): Effect.fn.Return<void, SqlError> {
  const changes = yield* sql.unsafe<{ readonly statement: string }>(STATEMENTS, [
    PgTypes.text(schema),
    PgTypes.text(log)
  ])
  for (const { statement } of changes) yield* sql.unsafe(statement).unprepared
})

/** The columns that `ReadModel.query` reads, and an append to inline read models. */
const ASKED = "name, generation, version, role, mode"

const STATEMENTS = `
  WITH own AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1::text AND c.relname LIKE 'daybook\\_\\_%' AND c.relkind IN ('r', 'S')
  ), given AS (
    SELECT o.oid, o.relname, o.relkind, a.grantee, bool_or(a.privilege_type = 'SELECT') AS reads,
        bool_or(a.privilege_type <> 'SELECT') AS writes,
        CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)::text) END AS name,
        a.grantee <> 0 AND EXISTS (
          SELECT FROM pg_class e JOIN pg_namespace n ON n.oid = e.relnamespace
          WHERE n.nspname = $2::text AND e.relname = 'events'
            AND CASE WHEN a.grantee <> 0 THEN has_table_privilege(a.grantee, e.oid, 'SELECT') END) AS of_log
      FROM own o, aclexplode(o.relacl) a WHERE a.grantee <> o.relowner GROUP BY 1, 2, 3, 4, 7, 8
  ), excess AS (
    SELECT * FROM given g WHERE g.writes OR NOT g.of_log
  )
  SELECT format('REVOKE ALL ON %s %s FROM %s CASCADE',
      CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass, name) AS statement, 1 AS turn
    FROM excess
  UNION
  SELECT format('GRANT SELECT%s ON %s TO %s', CASE WHEN of_log THEN '' ELSE ' (${ASKED})' END, oid::regclass, name), 2
    FROM excess WHERE reads AND relkind = 'r' AND (of_log OR relname = 'daybook__generations')
  ORDER BY turn`
