/**
 * Initial settings of sessions, by role or database, that break the log's promises for appends.
 */
import type { Effect } from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"

interface Setting {
  /** Null: all roles. */
  readonly role: string | null
  /** Null: all databases. */
  readonly database: string | null
  readonly setting: string
  readonly value: string
}

/**
 * Returns such settings of all roles and of logins that may append, through however many
 * memberships.
 *
 * Each user may change its own settings, and so those of all hosts that log in as it.
 */
export const harmful = (
  sql: SqlClient,
  schema: SchemaName
): Effect<ReadonlyArray<Setting>, SqlError> => sql<Setting>`
  SELECT r.rolname::text AS role, d.datname::text AS database, s.name AS setting, s.value
  FROM pg_db_role_setting x
  LEFT JOIN pg_roles r ON r.oid = x.setrole
  LEFT JOIN pg_database d ON d.oid = x.setdatabase
  CROSS JOIN LATERAL (
    SELECT split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value FROM unnest(x.setconfig) AS c
  ) s
  WHERE (x.setdatabase = 0 OR d.datname = current_database())
    AND (x.setrole = 0 OR EXISTS (
      SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
      WHERE n.nspname = ${schema} AND p.proname = 'try_append' AND a.privilege_type = 'EXECUTE'
        AND (a.grantee = 0 OR pg_has_role(x.setrole, a.grantee, 'MEMBER'))))
    AND (s.name = 'synchronous_commit' AND lower(s.value) IN ('off', 'false', 'no', '0', 'local')
      OR s.name = 'default_transaction_isolation' AND lower(s.value) <> 'read committed'
      OR s.name = 'default_transaction_read_only' AND lower(s.value) NOT IN ('off', 'false', 'no', '0'))
  ORDER BY r.rolname, d.datname, s.name`
