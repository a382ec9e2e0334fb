/**
 * The dependents of a read model's table that Daybook did not make, and their fate when another
 * table takes the name.
 *
 * A release must not depend on objects that any reader of the rows may create. So dependents of
 * other owners stay with the retired table, and are named. Dependents of the table's own owner
 * follow; those that can't follow stop the switch, since the owner can remove them.
 */
import * as PgTypes from "@daybook/store/sql/PgTypes"
import type * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/**
 * A dependent of a table.
 */
export interface Dependent {
  /** Kind, name and, if it is another role's, owner, such as `view reports.sales of dashboards`. */
  readonly what: string
  /** True if it is part of the table, or belongs to the table's owner or to this user. */
  readonly own: boolean
  /** True if it is not a part of the table: it would be dropped with it, or prevent its drop. */
  readonly apart: boolean
  readonly becomes: "follows" | "stays" | "refused"
  /** The statement that defines it again on the table that has the name by then. */
  readonly statement: string | null
}

/**
 * Reads the dependents of `table`, quoted and with its schema, of the read model `name`; runs in
 * the transaction of a change.
 */
export const dependents = (
  sql: SqlClient,
  name: string,
  table: string
): Effect.Effect<ReadonlyArray<Dependent>, SqlError> =>
  sql.unsafe<Dependent>(DEPENDENTS, [
    PgTypes.text(table),
    // The names that the table's definition gives its indexes.
    PgTypes.text(`^${name}__g[0-9]+_(pkey|i[0-9]+)$`)
  ])

const POLICY = `format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, $1::text,
    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(CASE WHEN r.oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.oid)::text) END, ', ')
      FROM unnest(p.polroles) AS r(oid)),
    coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ''),
    coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''))`

const VIEW = `format('CREATE OR REPLACE VIEW %s%s AS %s', v.oid::regclass,
    coalesce(' WITH (' || array_to_string(v.reloptions, ', ') || ')', ''), pg_get_viewdef(v.oid))`

const FOLLOWS = `(v.relpersistence <> 't' OR v.relnamespace = pg_my_temp_schema())
    AND pg_has_role(current_user, v.relowner, 'USAGE')
    AND has_schema_privilege(v.relnamespace, 'USAGE') AND has_schema_privilege(v.relnamespace, 'CREATE')`

const DEPENDENTS = `
  WITH served AS (
    SELECT c.oid, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
      ARRAY[c.reltype, (SELECT y.typarray FROM pg_type y WHERE y.oid = c.reltype)] AS types
    FROM pg_class c WHERE c.oid = $1::text::regclass::oid
  ), entry AS (
    SELECT DISTINCT d.classid::regclass::text AS catalog, d.classid, d.objid
    FROM served s JOIN pg_depend d ON d.deptype <> 'i' AND (
      d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = s.oid
      OR d.refclassid = 'pg_type'::regclass::oid AND d.refobjid = ANY (s.types))
  ), found AS (
    SELECT 'row security' AS kind, '' AS name, NULL::oid AS owner, 'follows' AS becomes,
        format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', $1::text) AS statement, 1 AS turn, false AS apart
      FROM served s WHERE s.relrowsecurity
    UNION ALL
    SELECT 'forced row security', '', NULL, 'follows',
        format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', $1::text), 2, false
      FROM served s WHERE s.relforcerowsecurity
    UNION ALL
    SELECT 'policy', p.polname::text, NULL, 'follows', ${POLICY}, 3, false
      FROM served s JOIN pg_policy p ON p.polrelid = s.oid
    UNION ALL
    SELECT 'policy', p.polname::text || ' on ' || c.oid::regclass::text, c.relowner, 'refused', NULL, 4, true
      FROM served s, entry e JOIN pg_policy p ON p.oid = e.objid JOIN pg_class c ON c.oid = p.polrelid
      WHERE e.catalog = 'pg_policy' AND p.polrelid <> s.oid
    UNION ALL
    SELECT CASE v.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END,
        CASE WHEN v.relkind IN ('v', 'm') THEN v.oid::regclass::text
          WHEN v.oid = s.oid THEN w.rulename::text
          ELSE w.rulename::text || ' on ' || v.oid::regclass::text END,
        v.relowner,
        -- Of temporary ones, only those of this session could be defined again.
        CASE WHEN v.relkind <> 'v' THEN 'refused'
          WHEN v.relpersistence = 't' AND v.relnamespace <> pg_my_temp_schema() THEN 'stays'
          WHEN ${FOLLOWS} THEN 'follows' ELSE 'refused' END,
        -- Reading a definition waits for locks on all that the view names, which its owner may hold.
        CASE WHEN v.relkind = 'v' AND ${FOLLOWS} THEN ${VIEW} END, 5, v.oid <> s.oid
      FROM served s, entry e JOIN pg_rewrite w ON w.oid = e.objid JOIN pg_class v ON v.oid = w.ev_class
      WHERE e.catalog = 'pg_rewrite'
    UNION ALL
    SELECT CASE WHEN k.contype = 'f' THEN 'foreign key' ELSE 'constraint' END,
        k.conname::text || CASE WHEN k.conrelid = s.oid THEN '' ELSE ' on ' || k.conrelid::regclass::text END,
        (SELECT c.relowner FROM pg_class c WHERE c.oid = k.conrelid), 'refused', NULL, 6, k.conrelid <> s.oid
      FROM served s, entry e JOIN pg_constraint k ON k.oid = e.objid
      WHERE e.catalog = 'pg_constraint' AND NOT (k.conrelid = s.oid AND k.contype IN ('p', 'n'))
    UNION ALL
    SELECT 'trigger', g.tgname::text, NULL, 'refused', NULL, 7, false
      FROM entry e JOIN pg_trigger g ON g.oid = e.objid WHERE e.catalog = 'pg_trigger' AND NOT g.tgisinternal
    UNION ALL
    SELECT 'publication', p.pubname::text, NULL, 'refused', NULL, 8, false
      FROM served s JOIN pg_publication_rel r ON r.prrelid = s.oid JOIN pg_publication p ON p.oid = r.prpubid
    UNION ALL
    SELECT 'security label', l.provider, NULL, 'refused', NULL, 9, false
      FROM served s JOIN pg_seclabel l ON l.classoid = 'pg_class'::regclass::oid AND l.objoid = s.oid
    UNION ALL
    -- Slower without, and not wrong.
    SELECT 'index', c.oid::regclass::text, NULL, 'stays', NULL, 10, false
      FROM entry e JOIN pg_class c ON c.oid = e.objid
      WHERE e.catalog = 'pg_class' AND c.relkind = 'i' AND c.relname !~ $2::text
    UNION ALL
    SELECT 'statistics', x.stxname::text, NULL, 'stays', NULL, 11, false
      FROM entry e JOIN pg_statistic_ext x ON x.oid = e.objid WHERE e.catalog = 'pg_statistic_ext'
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, c.oid::regclass::text, c.relowner, 'refused', NULL, 12, c.relkind <> 'S'
      FROM served s, entry e JOIN pg_class c ON c.oid = e.objid
      WHERE e.catalog = 'pg_class' AND c.relkind NOT IN ('i', 'I') AND c.oid <> s.oid
    UNION ALL
    SELECT 'table', i.inhparent::regclass::text, NULL, 'refused', NULL, 12, true
      FROM served s JOIN pg_inherits i ON i.inhrelid = s.oid
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, p.proowner, 'refused', NULL, 13, true
      FROM entry e JOIN pg_proc p ON p.oid = e.objid WHERE e.catalog = 'pg_proc'
    UNION ALL
    SELECT 'type', y.oid::regtype::text, y.typowner, 'refused', NULL, 14, true
      FROM entry e JOIN pg_type y ON y.oid = e.objid WHERE e.catalog = 'pg_type'
    UNION ALL
    SELECT 'object', pg_describe_object(e.classid, e.objid, 0), NULL, 'refused', NULL, 15, true
      FROM entry e WHERE e.catalog NOT IN ('pg_policy', 'pg_rewrite', 'pg_constraint', 'pg_trigger',
        'pg_publication_rel', 'pg_class', 'pg_statistic_ext', 'pg_proc', 'pg_type', 'pg_attrdef')
  ), judged AS (
    SELECT f.*, f.owner IS NULL OR f.owner = s.relowner OR f.owner = (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)
        OR (NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
          AND pg_has_role(current_user, f.owner, 'USAGE')) AS own
      FROM found f, served s
  )
  SELECT concat_ws(' ', j.kind, nullif(j.name, ''), CASE WHEN NOT j.own THEN 'of ' || pg_get_userbyid(j.owner)::text END) AS what,
    j.own, j.apart, CASE WHEN j.becomes = 'refused' AND NOT j.own THEN 'stays' ELSE j.becomes END AS becomes, j.statement
  FROM judged j ORDER BY j.turn, 1`
