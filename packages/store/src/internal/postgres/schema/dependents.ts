/**
 * Objects that others have built on the table of events: they would stay with that table when it
 * becomes one partition of many.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { logTable } from "../partitions/partitions.ts"

/** Returns the kind and name of each, such as `view reports.sales`. */
export const dependents = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<string>, SqlError> =>
  Effect.map(
    sql<{ readonly name: string }>`
      WITH log AS (
        SELECT events.oid, ids.oid AS ids
        FROM (${logTable(sql, schema)}) events, (${logTable(sql, schema, "event_ids")}) ids
      )
      SELECT CASE WHEN r.ev_class = log.oid THEN 'rule ' || r.rulename ELSE 'view ' || r.ev_class::regclass END AS name
        FROM log JOIN pg_depend d ON d.refobjid = log.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        WHERE r.ev_class <> log.ids
      UNION
      SELECT 'function ' || d.objid::regprocedure FROM log JOIN pg_depend d
        ON d.refobjid = log.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_proc'::regclass
      UNION
      SELECT 'foreign key ' || c.conname || ' of ' || c.conrelid::regclass
        FROM log JOIN pg_constraint c ON c.confrelid = log.oid
      UNION
      SELECT 'trigger ' || t.tgname FROM log JOIN pg_trigger t ON t.tgrelid = log.oid
        WHERE NOT t.tgisinternal AND t.tgname NOT IN ('append_only', 'record_ids')
      UNION
      SELECT 'index ' || c.relname FROM log JOIN pg_index i ON i.indrelid = log.oid
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relname NOT IN ('events_pkey', 'events_event_id_key', 'events_stream_id_revision_key',
          'events_category_position_idx', 'events_recorded_at_idx')
      UNION
      SELECT 'policy ' || p.polname FROM log JOIN pg_policy p ON p.polrelid = log.oid
      UNION
      SELECT 'table ' || i.inhrelid::regclass FROM log JOIN pg_inherits i ON i.inhparent = log.oid
      UNION
      SELECT 'publication ' || p.pubname FROM log JOIN pg_publication_rel r ON r.prrelid = log.oid
        JOIN pg_publication p ON p.oid = r.prpubid
      ORDER BY 1`,
    (rows) => rows.map(({ name }) => name)
  )
