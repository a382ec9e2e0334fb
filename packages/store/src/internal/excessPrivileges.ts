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
  ), part AS (
    -- What holds events or snapshots: with partitions, each of them can be named too.
    SELECT c.oid, c.relname::text AS name, c.relname = 'snapshots' AS is_snapshots
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND (c.relname IN ('events', 'event_ids', 'recorded_ids', 'snapshots', 'log')
      OR EXISTS (SELECT FROM pg_inherits i JOIN pg_class log ON log.oid = i.inhparent
        WHERE i.inhrelid = c.oid AND c.relkind = 'r' AND log.relname = 'events' AND log.relnamespace = n.oid))
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
  SELECT m.name::text, p.privilege || ' on ' || t.name
    FROM member AS m, part AS t, (VALUES
      ('INSERT', true), ('UPDATE', true), ('REFERENCES', false)
    ) AS p(privilege, of_writer)
    WHERE NOT (t.is_snapshots AND p.of_writer AND NOT reads)
      AND has_any_column_privilege(m.name, t.oid, p.privilege)
  UNION ALL
  SELECT m.name::text, p.privilege || ' on ' || t.name
    FROM member AS m, part AS t, (VALUES
      ('DELETE', true), ('TRUNCATE', false), ('TRIGGER', false)
    ) AS p(privilege, of_writer)
    WHERE NOT (t.is_snapshots AND p.of_writer AND NOT reads)
      AND has_table_privilege(m.name, t.oid, p.privilege)
  UNION ALL
  SELECT name::text, p.privilege || ' on append_number'
    FROM member, (VALUES ('USAGE'), ('UPDATE')) AS p(privilege)
    WHERE has_sequence_privilege(name, format('%I.append_number', ${schema}::text), p.privilege)
  UNION ALL
  SELECT name::text, 'EXECUTE on ' || p.proname
    FROM member, pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = ${schema} AND has_function_privilege(name, p.oid, 'EXECUTE')
      AND NOT (${sql.in("p.proname", READING)} OR (${sql.in("p.proname", APPENDING)} AND NOT reads))`
