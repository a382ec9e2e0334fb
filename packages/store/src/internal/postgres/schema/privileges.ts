/**
 * The privileges on the objects of a log, as lines that can be compared.
 */
import * as Listed from "@daybook/kernel/Listed"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"

/**
 * Returns lines such as `EXECUTE on try_append to daybook_writer` and
 * `events belongs to daybook_owner`, in order.
 */
export const privileges = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<string>, SqlError> =>
  Effect.map(
    sql<{ readonly line: string }>`
      WITH object AS (
        SELECT 'schema' AS name, nspowner AS owner, coalesce(nspacl, acldefault('n', nspowner)) AS acl
        FROM pg_namespace WHERE nspname = ${schema}
        UNION ALL
        SELECT c.relname::text, c.relowner, coalesce(c.relacl,
          acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ${schema} AND c.relkind IN ('r', 'p', 'v', 'S')
        UNION ALL
        SELECT p.proname::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ${schema}
      )
      SELECT o.name || ' belongs to ' || pg_get_userbyid(o.owner)::text AS line FROM object o
      UNION
      SELECT a.privilege_type || ' on ' || o.name || ' to '
        || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END
        || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END
      FROM object o, aclexplode(o.acl) a WHERE a.grantee <> o.owner
      ORDER BY line`,
    (rows) => rows.map(({ line }) => line)
  )

/** Returns the lines that were added and removed, or nothing if both lists are equal. */
export const changes = (
  before: ReadonlyArray<string>,
  after: ReadonlyArray<string>
): { readonly granted: Listed.Listed; readonly revoked: Listed.Listed } | undefined => {
  const without = (lines: ReadonlyArray<string>, others: ReadonlyArray<string>) => {
    const known = new Set(others)
    return lines.filter((line) => !known.has(line))
  }
  const [granted, revoked] = [without(after, before), without(before, after)]
  if (granted.length + revoked.length === 0) return undefined
  return { granted: Listed.make(granted), revoked: Listed.make(revoked) }
}
