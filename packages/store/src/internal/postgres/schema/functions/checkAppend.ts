/**
 * `check_append`: compares one append with the stream.
 */

/**
 * Returns the statement that installs it; called with the stream locked.
 *
 * It returns `new` with the stream's revision, `repeated` with the first answer, `conflict` with
 * the stream's revision, or `id_conflict`. A repetition has all ids of one append and no others, in
 * their order: the events of an append have positions without a gap, and two appends to a stream
 * always have a position between them.
 */
export const checkAppend = (log: string): string => `CREATE OR REPLACE FUNCTION ${log}.check_append(
  p_stream_id text, p_expected bigint, p_event_ids uuid[],
  OUT outcome text, OUT revision integer, OUT "position" bigint, OUT recorded_at timestamptz
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  recorded bigint;
  on_stream bigint;
  in_place boolean;
  first bigint;
  last bigint;
BEGIN
  IF array_ndims(p_event_ids) > 1 THEN
    RAISE EXCEPTION 'the ids of events are an array of % dimensions', array_ndims(p_event_ids)
      USING ERRCODE = 'array_subscript_error';
  END IF;
  SELECT count(*), count(*) FILTER (WHERE r.stream_id = p_stream_id), bool_and(r.follows),
      max(r.revision), min(r.position), max(r.position), max(r.recorded_at)
    INTO recorded, on_stream, in_place, revision, first, last, recorded_at
    FROM (
      SELECT e.stream_id, e.revision, e.position, e.recorded_at,
          e.position = coalesce(lag(e.position) OVER (ORDER BY i.place) + 1, e.position) AS follows
        FROM unnest(p_event_ids) WITH ORDINALITY AS i(id, place)
        JOIN ${log}.event_ids n ON n.event_id = i.id
        JOIN ${log}.events e ON e.position = n.position
    ) r;
  "position" := last;
  IF recorded > 0 THEN
    outcome := CASE
      WHEN on_stream = cardinality(p_event_ids) AND in_place AND NOT EXISTS (
        SELECT FROM ${log}.events e
          WHERE e.position = ANY (ARRAY[first - 1, last + 1]) AND e.stream_id = p_stream_id)
      THEN 'repeated' ELSE 'id_conflict' END;
    RETURN;
  END IF;
  SELECT e.revision INTO revision FROM ${log}.events e
    WHERE e.stream_id = p_stream_id ORDER BY e.revision DESC LIMIT 1;
  revision := coalesce(revision, 0);
  outcome := CASE
    WHEN p_expected = -2 OR p_expected = revision OR (p_expected = -1 AND revision > 0)
    THEN 'new' ELSE 'conflict' END;
END $$`
