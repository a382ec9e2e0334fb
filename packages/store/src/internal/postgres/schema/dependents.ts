/**
 * Objects that are built on the table of events: they stay with that table when it becomes one
 * partition of many.
 *
 * Partitioning must not depend on objects that any reader may create. So those of other owners and
 * temporary ones stay, and are named. Those of the log's owner or of this login refuse it, since
 * they can be removed.
 */
import type * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { logTable } from "../partitions/partitions.ts"

/** An object that is built on the table of events. */
interface Dependent {
  /** Kind, name and, if it is another role's, owner, such as `view reports.sales of dashboards`. */
  readonly what: string
  /** True unless it stays with the first partition. */
  readonly refuses: boolean
}

/** Reads the objects that are built on the table of events. */
export const dependents = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<Dependent>, SqlError> => sql<Dependent>`
  WITH log AS (
    SELECT events.oid, events.relowner, ids.oid AS ids
    FROM (${logTable(sql, schema)}) events, (${logTable(sql, schema, "event_ids")}) ids
  ), found AS (
    SELECT CASE WHEN r.ev_class = log.oid THEN 'rule ' || r.rulename
        WHEN v.relkind IN ('v', 'm') THEN 'view ' || v.oid::regclass
        ELSE 'rule ' || r.rulename || ' on ' || v.oid::regclass END AS name,
        CASE WHEN v.oid <> log.oid THEN v.relowner END AS owner, v.relpersistence = 't' AS is_temporary
      FROM log JOIN pg_depend d ON d.refobjid = log.oid AND d.refclassid = 'pg_class'::regclass
      JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      JOIN pg_class v ON v.oid = r.ev_class
      WHERE r.ev_class <> log.ids
    UNION
    SELECT 'function ' || p.oid::regprocedure, p.proowner, false FROM log JOIN pg_depend d
      ON d.refobjid = log.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_proc'::regclass
      JOIN pg_proc p ON p.oid = d.objid
    UNION
    SELECT 'foreign key ' || c.conname || ' of ' || c.conrelid::regclass, NULL, false
      FROM log JOIN pg_constraint c ON c.confrelid = log.oid
    UNION
    SELECT 'trigger ' || t.tgname, NULL, false FROM log JOIN pg_trigger t ON t.tgrelid = log.oid
      WHERE NOT t.tgisinternal AND t.tgname NOT IN ('append_only', 'record_ids')
    UNION
    SELECT 'index ' || c.relname, NULL, false FROM log JOIN pg_index i ON i.indrelid = log.oid
      JOIN pg_class c ON c.oid = i.indexrelid
      WHERE c.relname NOT IN ('events_pkey', 'events_event_id_key', 'events_stream_id_revision_key',
        'events_category_position_idx', 'events_recorded_at_idx')
    UNION
    SELECT 'policy ' || p.polname, NULL, false FROM log JOIN pg_policy p ON p.polrelid = log.oid
    UNION
    SELECT 'policy ' || p.polname || ' on ' || c.oid::regclass, c.relowner, c.relpersistence = 't'
      FROM log JOIN pg_depend d ON d.refobjid = log.oid AND d.refclassid = 'pg_class'::regclass
      JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
      JOIN pg_class c ON c.oid = p.polrelid WHERE c.oid <> log.oid
    UNION
    SELECT 'table ' || i.inhrelid::regclass, NULL, false FROM log JOIN pg_inherits i ON i.inhparent = log.oid
    UNION
    SELECT 'publication ' || p.pubname, NULL, false FROM log JOIN pg_publication_rel r ON r.prrelid = log.oid
      JOIN pg_publication p ON p.oid = r.prpubid
  ), judged AS (
    SELECT f.name, f.owner, f.is_temporary, f.owner IS NULL OR f.owner = log.relowner
        OR f.owner = (SELECT u.oid FROM pg_roles u WHERE u.rolname = session_user) AS own
      FROM found f, log
  )
  SELECT j.name || CASE WHEN j.own THEN '' ELSE ' of ' || pg_get_userbyid(j.owner)::text END AS what,
    j.own AND NOT j.is_temporary AS refuses
  FROM judged j ORDER BY 1`
