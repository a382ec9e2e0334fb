/**
 * What roles may do beyond what a log grants them, however they came by it.
 */
import type { Effect } from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"
import { APPENDING, READING } from "./openFunctions.ts"

interface Names {
  readonly owner: string
  readonly writer: string
  readonly reader: string
}

interface Excess {
  readonly role: string
  readonly privilege: string
}

/** Asks PostgreSQL what the roles may do, which counts memberships and what everybody may do. */
export const excessPrivileges = (
  sql: SqlClient,
  schema: SchemaName,
  { owner, reader, writer }: Names
): Effect<ReadonlyArray<Excess>, SqlError> => sql<Excess>`
  WITH role AS (
    SELECT r.rolname AS name, r.rolname = ${reader} AS reads, r.rolsuper, r.rolcreaterole, r.rolreplication
    FROM pg_roles r WHERE r.rolname IN (${owner}, ${writer}, ${reader})
  ), member AS (
    -- A superuser has them all, which need not be listed.
    SELECT * FROM role WHERE name IN (${writer}, ${reader}) AND NOT rolsuper
  )
  SELECT name::text AS role, 'SUPERUSER' AS privilege FROM role WHERE rolsuper
  UNION ALL
  SELECT name::text, 'CREATEROLE' FROM member WHERE rolcreaterole
  UNION ALL
  SELECT name::text, 'REPLICATION' FROM member WHERE rolreplication
  UNION ALL
  SELECT name::text, 'membership of ' || ${owner}::text FROM member
    WHERE pg_has_role(name, ${owner}::name, 'MEMBER')
  UNION ALL
  -- Roles that every server has: some of them reach past all tables, and older servers lack others.
  SELECT name::text, 'membership of ' || p.rolname FROM member, pg_roles p
    WHERE p.rolname IN ('pg_maintain', 'pg_signal_backend', 'pg_write_all_data', 'pg_checkpoint',
        'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
      AND pg_has_role(name, p.oid, 'MEMBER')
  UNION ALL
  SELECT name::text, 'CREATE in ' || ${schema}::text FROM member
    WHERE has_schema_privilege(name, ${schema}::text, 'CREATE')
  UNION ALL
  SELECT name::text, p.privilege || ' on ' || p.on_table
    FROM member, (VALUES
      ('INSERT', 'events', false), ('UPDATE', 'events', false), ('REFERENCES', 'events', false),
      ('INSERT', 'snapshots', true), ('UPDATE', 'snapshots', true), ('REFERENCES', 'snapshots', false)
    ) AS p(privilege, on_table, of_writer)
    WHERE NOT (p.of_writer AND NOT reads) AND has_any_column_privilege(
      name, format('%I.%I', ${schema}::text, p.on_table), p.privilege)
  UNION ALL
  SELECT name::text, p.privilege || ' on ' || p.on_table
    FROM member, (VALUES
      ('DELETE', 'events', false), ('TRUNCATE', 'events', false), ('TRIGGER', 'events', false),
      ('DELETE', 'snapshots', true), ('TRUNCATE', 'snapshots', false), ('TRIGGER', 'snapshots', false)
    ) AS p(privilege, on_table, of_writer)
    WHERE NOT (p.of_writer AND NOT reads) AND has_table_privilege(
      name, format('%I.%I', ${schema}::text, p.on_table), p.privilege)
  UNION ALL
  SELECT name::text, p.privilege || ' on append_number'
    FROM member, (VALUES ('USAGE'), ('UPDATE')) AS p(privilege)
    WHERE has_sequence_privilege(name, format('%I.append_number', ${schema}::text), p.privilege)
  UNION ALL
  SELECT name::text, 'EXECUTE on ' || p.proname
    FROM member, pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = ${schema} AND has_function_privilege(name, p.oid, 'EXECUTE')
      AND NOT (${sql.in("p.proname", READING)} OR (${sql.in("p.proname", APPENDING)} AND NOT reads))`
