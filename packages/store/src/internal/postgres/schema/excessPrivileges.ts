/**
 * The rights of roles beyond those that a log grants them, however they were obtained.
 */
import type { Effect } from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { APPENDING, KEEPING, READING, RECORDING } from "./openFunctions.ts"

interface Names {
  readonly owner: string
  readonly writer: string
  readonly reader: string
}

interface Excess {
  readonly role: string
  readonly privilege: string
}

/**
 * Asks PostgreSQL for the rights of the roles and of the logins that act as them: their own,
 * inherited, and by `SET ROLE`.
 *
 * A deploying login may have more rights than its share, so the login of this session is left out.
 */
export const excessPrivileges = (
  sql: SqlClient,
  schema: SchemaName,
  { owner, reader, writer }: Names
): Effect<ReadonlyArray<Excess>, SqlError> => sql<Excess>`
  WITH RECURSIVE acting(member, role) AS (
    -- Whoever makes a role may administer it from PostgreSQL 16 on, and needs another grant to act as it.
    SELECT m.member, m.roleid FROM pg_auth_members m WHERE coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) OR coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, false)
    UNION SELECT a.member, m.roleid FROM acting a JOIN pg_auth_members m ON m.member = a.role
      WHERE coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) OR coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, false)
  ), groups AS (
    SELECT r.oid, r.rolname = ${reader} AS reads FROM pg_roles r WHERE r.rolname IN (${writer}, ${reader})
  ), subject AS (
    SELECT r.oid, r.rolname::text AS name, g.reads, r.rolsuper
      FROM groups g JOIN pg_roles r ON r.oid = g.oid
    UNION ALL
    SELECT r.oid, r.rolname::text, bool_and(g.reads), r.rolsuper
      FROM groups g JOIN acting a ON a.role = g.oid JOIN pg_roles r ON r.oid = a.member
      WHERE r.rolcanlogin AND r.rolname <> session_user GROUP BY r.oid, r.rolname, r.rolsuper
    UNION ALL
    SELECT r.oid, r.rolname::text, NULL, r.rolsuper FROM pg_roles r WHERE r.rolname = ${owner}
  ), reached AS (
    -- By any membership: who may administer a role may grant it to itself. A superuser has them all.
    SELECT s.oid, s.name, s.reads, r.oid AS role, r.rolsuper, r.rolcreaterole, r.rolreplication,
        CASE WHEN r.oid = s.oid THEN '' ELSE ' through ' || r.rolname::text END AS through
      FROM subject s JOIN pg_roles r
        ON r.oid = s.oid OR (NOT s.rolsuper AND pg_has_role(s.oid, r.oid, 'MEMBER'))
  ), member AS (
    SELECT * FROM reached WHERE reads IS NOT NULL
  ), asked AS (
    -- What is said of it as a whole need not be listed.
    SELECT m.* FROM member m JOIN pg_roles r ON r.oid = m.role WHERE NOT m.rolsuper AND r.rolname <> ${owner}
  ), part AS (
    -- The schema belongs to the log alone, so each of its tables and views counts, partitions too.
    SELECT c.oid, c.relname::text AS name, c.relname = 'snapshots' AS is_snapshots
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  ), numbers AS MATERIALIZED (
    SELECT c.oid, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relkind = 'S'
  ), excess AS (
    SELECT oid, name, through, 'SUPERUSER' AS privilege FROM reached WHERE rolsuper
    UNION ALL
    SELECT oid, name, through, 'CREATEROLE' FROM member WHERE rolcreaterole AND NOT rolsuper
    UNION ALL
    SELECT oid, name, through, 'REPLICATION' FROM member WHERE rolreplication AND NOT rolsuper
    UNION ALL
    SELECT m.oid, m.name, '', 'membership of ' || ${owner}::text FROM member m
      WHERE m.role = (SELECT r.oid FROM pg_roles r WHERE r.rolname = ${owner})
    UNION ALL
    -- Roles that every server has: some of them reach past all tables, and older servers lack others.
    SELECT m.oid, m.name, '', 'membership of ' || p.rolname::text FROM member m JOIN pg_roles p ON p.oid = m.role
      WHERE p.rolname IN ('pg_maintain', 'pg_signal_backend', 'pg_write_all_data', 'pg_checkpoint',
          'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
    UNION ALL
    SELECT m.oid, m.name, m.through, 'ownership of the database' FROM asked m JOIN pg_database d ON d.datdba = m.role
      WHERE d.datname = current_database()
    UNION ALL
    SELECT m.oid, m.name, m.through, 'CREATE in ' || ${schema}::text FROM asked m
      WHERE has_schema_privilege(m.role, ${schema}::text, 'CREATE')
    UNION ALL
    SELECT m.oid, m.name, m.through, p.privilege || ' on ' || t.name
      FROM asked AS m, part AS t, (VALUES
        ('INSERT', true), ('UPDATE', true), ('REFERENCES', false)
      ) AS p(privilege, of_writer)
      WHERE NOT (t.is_snapshots AND p.of_writer AND NOT m.reads)
        AND has_any_column_privilege(m.role, t.oid, p.privilege)
    UNION ALL
    SELECT m.oid, m.name, m.through, p.privilege || ' on ' || t.name
      FROM asked AS m, part AS t, (VALUES
        ('DELETE', true), ('TRUNCATE', false), ('TRIGGER', false)
      ) AS p(privilege, of_writer)
      WHERE NOT (t.is_snapshots AND p.of_writer AND NOT m.reads)
        AND has_table_privilege(m.role, t.oid, p.privilege)
    UNION ALL
    SELECT m.oid, m.name, m.through, p.privilege || ' on ' || t.name
      FROM asked AS m, numbers AS t, (VALUES ('USAGE'), ('UPDATE')) AS p(privilege)
      WHERE has_sequence_privilege(m.role, t.oid, p.privilege)
    UNION ALL
    SELECT m.oid, m.name, m.through, 'EXECUTE on ' || p.proname::text
      FROM asked m, pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = ${schema} AND has_function_privilege(m.role, p.oid, 'EXECUTE')
        AND NOT (${sql.in("p.proname", [...READING, ...RECORDING])}
          OR (${sql.in("p.proname", [...APPENDING, ...KEEPING])} AND NOT m.reads))
  )
  -- What a role has by itself is not told again of a role that it reaches.
  SELECT role, privilege FROM (
    SELECT DISTINCT e.name AS role, e.privilege || e.through AS privilege, e.privilege LIKE '% on %' AS on_one
    FROM excess e WHERE e.through = '' OR NOT EXISTS (SELECT FROM excess o
      WHERE o.oid = e.oid AND o.privilege = e.privilege AND o.through = '')
    -- A list that is cut must not lose what is said of a role as a whole among many partitions.
  ) found ORDER BY on_one, 1, 2`
