/**
 * The position as of an instant, from an index of the times and positions that each range of the table's blocks holds.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

/**
 * The columns and settings of the index.
 *
 * Both columns: times alone would lead to all blocks after the instant, and the ones before it are sought. The position is an
 * expression, so that a condition on it matches this index and no other.
 */
export const RECORDED_AT_INDEX =
  "USING brin (recorded_at, (position + 0)) WITH (pages_per_range = 32, autosummarize = on)"

/** Selects the indexes that hold blocks, which those of a log in partitions are one by one. */
export const summarizable = (schema: string): string =>
  `SELECT i.indexrelid AS oid FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'brin'
    WHERE i.indrelid = '${schema}.events'::pg_catalog.regclass OR i.indrelid IN (
      SELECT h.inhrelid FROM pg_catalog.pg_inherits h WHERE h.inhparent = '${schema}.events'::pg_catalog.regclass)`

const inSchema = (schema: string): ReadonlyArray<string> => [
  `CREATE INDEX events_recorded_at_idx ON ${schema}.events ${RECORDED_AT_INDEX}`,

  // The last position before the first event that is later than the instant, among those up to p_settled. A function, since
  // only its settings keep a planner that has no statistics yet from reading the table from end to end.
  `CREATE FUNCTION ${schema}.position_at(p_settled bigint, p_instant timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
  AS $$
  DECLARE
    low bigint := 0;
    high bigint := p_settled + 1;
    middle bigint;
    place bigint;
    instant timestamptz;
  BEGIN
    -- Halving finds a later event near the first one.
    WHILE high - low > 1 LOOP
      middle := low + (high - low) / 2;
      SELECT e.position, e.recorded_at INTO place, instant FROM ${schema}.events e
        WHERE e.position > low AND e.position <= middle ORDER BY e.position DESC LIMIT 1;
      IF instant > p_instant THEN high := place; ELSE low := middle; END IF;
    END LOOP;
    -- Blocks that the index has not summed up are read. A server sums them up in the background; PGlite has no background.
    IF version() LIKE '%PGlite%' THEN
      PERFORM brin_summarize_new_values(s.oid) FROM (${summarizable(schema)}) s;
    END IF;
    -- An event before it may be later too, since clocks are put back and appends run side by side.
    SELECT min(e.position + 0) INTO place FROM ${schema}.events e
      WHERE e.recorded_at > p_instant AND e.position + 0 < high;
    RETURN coalesce(place, high) - 1;
  END $$`,
  `REVOKE ALL ON FUNCTION ${schema}.position_at FROM PUBLIC`,

  // As for look_at_log in migration 8.
  `DO $$
  DECLARE
    f pg_catalog.pg_proc;
    grantee record;
  BEGIN
    SELECT * INTO f FROM pg_catalog.pg_proc p
      WHERE p.oid = '${schema}.settled_position()'::pg_catalog.regprocedure;
    EXECUTE pg_catalog.format('ALTER FUNCTION ${schema}.position_at OWNER TO %I', pg_catalog.pg_get_userbyid(f.proowner));
    FOR grantee IN SELECT DISTINCT r.rolname AS name
      FROM pg_catalog.aclexplode(f.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
      WHERE a.privilege_type = 'EXECUTE' AND a.grantee <> f.proowner
    LOOP
      EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION ${schema}.position_at TO %I', grantee.name);
    END LOOP;
  END $$`
]
