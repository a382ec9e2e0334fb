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

  // As it was, but for its first check, which each append passes: an array of arrays counts its rows and
  // holds more events than that, which would get the positions of later appends.
  `CREATE OR REPLACE FUNCTION "${schema}".judge_append(
    p_stream_id text, p_expected bigint, p_event_ids uuid[],
    OUT outcome text, OUT revision integer, OUT "position" bigint
  ) LANGUAGE plpgsql VOLATILE AS $$
  DECLARE
    recorded bigint;
    on_stream bigint;
    in_order boolean;
  BEGIN
    IF array_ndims(p_event_ids) > 1 THEN
      RAISE EXCEPTION 'the ids of events are an array of % dimensions', array_ndims(p_event_ids)
        USING ERRCODE = 'array_subscript_error';
    END IF;
    SELECT count(*), count(*) FILTER (WHERE r.stream_id = p_stream_id),
        coalesce(bool_and(r.ascending), true), max(r.revision), max(r.position)
      INTO recorded, on_stream, in_order, revision, "position"
      FROM (
        SELECT e.stream_id, e.revision, e.position,
            e.revision > coalesce(lag(e.revision) OVER (ORDER BY i.place), 0) AS ascending
          FROM unnest(p_event_ids) WITH ORDINALITY AS i(id, place)
          JOIN "${schema}".events e ON e.event_id = i.id
      ) r;
    IF recorded > 0 THEN
      outcome := CASE
        WHEN on_stream = cardinality(p_event_ids) AND in_order THEN 'repeated'
        ELSE 'id_conflict' END;
      RETURN;
    END IF;
    "position" := NULL;
    SELECT e.revision INTO revision FROM "${schema}".events e
      WHERE e.stream_id = p_stream_id ORDER BY e.revision DESC LIMIT 1;
    revision := coalesce(revision, 0);
    outcome := CASE
      WHEN p_expected = -2 OR p_expected = revision OR (p_expected = -1 AND revision > 0)
      THEN 'new' ELSE 'conflict' END;
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
      IF f.name IN ('append', 'append_new', 'settled_position', 'newest_append') THEN
        EXECUTE pg_catalog.format(
          'ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', f.signature);
      END IF;
    END LOOP;
  END $$`
]
