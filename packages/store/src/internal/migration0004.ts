/**
 * Least privilege: what appends does so with the rights of its owner, and nobody else may.
 *
 * Released migrations are never edited: a change is a further migration. A function that a later one
 * adds or replaces says the same of itself, since `CREATE OR REPLACE` forgets it.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (schema: SchemaName): ReadonlyArray<string> => [
  // An ordinary trigger rests while session_replication_role is 'replica'.
  `ALTER TABLE "${schema}".events ENABLE ALWAYS TRIGGER append_only`,

  // An array of arrays counts its rows and holds more events: they would get the positions of later
  // appends. What appends from now on does not trust its caller.
  `ALTER FUNCTION "${schema}".append RENAME TO append_each`,
  `CREATE FUNCTION "${schema}".append(
    p_stream_ids text[], p_expected bigint[], p_counts integer[],
    p_event_ids uuid[], p_types text[], p_schema_versions smallint[],
    p_data text[], p_metadata text[], p_occurred_at timestamptz[],
    p_all_or_none boolean, p_max_between integer
  ) RETURNS TABLE (
    append_index integer, outcome text, last_revision integer, last_position bigint,
    "position" bigint, occurred_at timestamptz, recorded_at timestamptz, event_id uuid,
    revision integer, schema_version smallint, stream_id text, type text, data json, metadata json
  ) LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    IF array_ndims(p_event_ids) > 1 THEN
      RAISE EXCEPTION 'the ids of events are an array of % dimensions', array_ndims(p_event_ids)
        USING ERRCODE = 'array_subscript_error';
    END IF;
    RETURN QUERY SELECT * FROM "${schema}".append_each(
      p_stream_ids, p_expected, p_counts, p_event_ids, p_types, p_schema_versions,
      p_data, p_metadata, p_occurred_at, p_all_or_none, p_max_between);
  END $$`,

  // PostgreSQL lets everybody execute a new function. Few are for others than the owner: they run with
  // its rights, so that nobody else needs any on the table and the sequence; and they find each
  // name where PostgreSQL keeps its own, so that no caller can put another function or operator there.
  // pg_temp is named to be last: unnamed, it would be searched first for tables and types.
  `DO $$
  DECLARE
    f record;
  BEGIN
    FOR f IN SELECT p.oid::pg_catalog.regprocedure AS signature, p.proname AS name
      FROM pg_catalog.pg_proc p WHERE p.pronamespace = '"${schema}"'::pg_catalog.regnamespace
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.signature);
      IF f.name IN ('append', 'append_new', 'settled_position') THEN
        EXECUTE pg_catalog.format(
          'ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', f.signature);
      END IF;
    END LOOP;
  END $$`
]
