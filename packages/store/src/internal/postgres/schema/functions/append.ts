/**
 * `append`: several appends in one call, each with its own answer, in the given order; or all or
 * none. It is the slow way, called for the appends that `try_append` left: it waits for their
 * streams, looks their ids up, and explains.
 */
import { refuseArguments } from "../refuseArguments.ts"
import {
  columns,
  endOfRows,
  FEW_STREAMS,
  LARGE_CALLS,
  largeCall,
  MAX_REVISION,
  PLACES,
  qualified,
  refuseFixedSnapshot,
  refuseUnsound
} from "../sqlParts.ts"

/** The most events in between that a conflict carries; see `MAX_BETWEEN` of the contract. */
const MAX_BETWEEN = 100

/**
 * The most bytes of events in between that a conflict carries; see `MAX_BETWEEN` of the contract.
 */
const MAX_BETWEEN_BYTES = 2_097_152

/**
 * The bytes of events in between after which a call stops answering; the other appends are left for
 * the next call.
 */
const MAX_CALL_BYTES = 8_388_608

/**
 * The longest wait for a stream in one call: longer than an append takes, and short, since a held
 * stream must not use up the connections of a pool.
 */
export const LOCK_MILLIS = 50

const outcome = `CASE
        WHEN checked.outcome = 'new' AND checked.revision > ${MAX_REVISION} - p_counts[i] THEN 'full'
        ELSE checked.outcome END`

/**
 * Returns the statement that installs it.
 *
 * `p_expected`: -2 any, -1 exists, -3 never met, otherwise the revision. `p_counts`: the number of
 * events of each append, which follow one another in the arrays of events; 0 only checks its
 * stream. It returns one row an append, with its outcome and, once it is recorded, its time. A row
 * `conflict` is followed by the events in between, at most `p_max_between`, and a row `id_conflict`
 * by the events whose ids are taken, both with outcome NULL.
 *
 * All events of an append, and of an `appendAll`, have one time, which is never lower than that of
 * an earlier event on any of their streams. An append past the last revision gets `full`. The bytes
 * of events that prove conflicts are limited: once a call has used up its limit, the remaining
 * appends are neither written nor answered, and are left for another call.
 */
export const append = (log: string): string => `CREATE OR REPLACE FUNCTION ${log}.append(
  p_stream_ids text[], p_expected bigint[], p_counts integer[],
  p_event_ids uuid[], p_types text[], p_schema_versions smallint[],
  p_data text[], p_metadata text[], p_occurred_at timestamptz[],
  p_all_or_none boolean, p_max_between integer
) RETURNS TABLE (
  append_index integer, outcome text, last_revision integer, last_position bigint,
  "position" bigint, occurred_at timestamptz, recorded_at timestamptz, event_id uuid,
  revision integer, schema_version smallint, stream_id text, type text, data json, metadata json
) LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '${LOCK_MILLIS}ms'
-- Planning would take longer than the work, so plans are made once a session; and one made while
-- the table was small must serve while it grows. To forbid a plan is to give it a cost at which a server
-- with LLVM compiles it, again for each call.
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  appends CONSTANT integer := cardinality(p_stream_ids);
  events CONSTANT integer := cardinality(p_event_ids);
  outcomes text[] := '{}';
  revisions integer[] := '{}';
  positions bigint[] := '{}';
  times timestamptz[] := '{}';
  writes boolean := true;
  number bigint;
  ends bigint;
  newest bigint;
  placed integer := 0;
  head integer := 1;
  tail integer;
  checked record;
  now timestamptz;
  latest timestamptz;
  up_to bigint;
  size bigint;
  sent bigint := 0;
  is_explained boolean := false;
BEGIN
  ${refuseFixedSnapshot}
  ${refuseArguments}
  IF (p_max_between BETWEEN 0 AND ${MAX_BETWEEN}) IS NOT TRUE THEN
    RAISE EXCEPTION 'at most ${MAX_BETWEEN} events prove a conflict' USING ERRCODE = 'program_limit_exceeded';
  END IF;
  IF p_all_or_none AND appends > (SELECT count(DISTINCT s.id) FROM unnest(p_stream_ids) AS s(id)) THEN
    RAISE EXCEPTION 'appends that are all or none name no stream twice' USING ERRCODE = 'array_subscript_error';
  END IF;
  -- A few calls of many streams at a time; see try_append. Each try of a call comes to another turn.
  IF appends > ${FEW_STREAMS} THEN
    PERFORM pg_advisory_xact_lock(${largeCall(log, `floor(random() * ${LARGE_CALLS})::integer`)});
  END IF;
  -- One writer a stream; locked in one order, so that no two calls can wait for each other.
  PERFORM pg_advisory_xact_lock(k.key) FROM (
    SELECT DISTINCT hashtextextended(s.id, '${log}.append_number'::regclass::oid::bigint) AS key
      FROM unnest(p_stream_ids) AS s(id) ORDER BY 1
  ) k;
  IF p_all_or_none THEN
    -- Streams are named once, so that checking all before writing any changes no outcome.
    FOR i IN 1..appends LOOP
      tail := head + p_counts[i] - 1;
      checked := ${log}.check_append(p_stream_ids[i], p_expected[i], p_event_ids[head:tail]);
      outcomes[i] := ${outcome};
      revisions[i] := checked.revision;
      positions[i] := checked.position;
      times[i] := checked.recorded_at;
      head := tail + 1;
    END LOOP;
    writes := NOT EXISTS (SELECT FROM unnest(outcomes) AS o(outcome) WHERE o.outcome <> 'new');
    head := 1;
    SELECT greatest(max(l.recorded_at), date_trunc('milliseconds', clock_timestamp())) INTO now
      FROM unnest(p_stream_ids, p_counts) AS s(id, count)
      CROSS JOIN LATERAL (
        SELECT e.recorded_at FROM ${log}.events e
          WHERE e.stream_id = s.id AND s.count > 0 ORDER BY e.revision DESC LIMIT 1
      ) l;
  END IF;
  FOR i IN 1..appends LOOP
    tail := head + p_counts[i] - 1;
    IF NOT p_all_or_none THEN
      checked := ${log}.check_append(p_stream_ids[i], p_expected[i], p_event_ids[head:tail]);
      outcomes[i] := ${outcome};
      revisions[i] := checked.revision;
      positions[i] := checked.position;
      times[i] := checked.recorded_at;
    END IF;
    IF writes AND outcomes[i] = 'new' AND p_counts[i] > 0 THEN
      IF number IS NULL THEN
        ${endOfRows(log, "INTO ends")};
        newest := ${log}.newest_append();
        ${refuseUnsound}
        PERFORM ${log}.announce_append();
      END IF;
      -- All or none is one append, so that readers see all or none of it too.
      IF number IS NULL OR NOT p_all_or_none THEN
        number := nextval('${log}.append_number');
        placed := 0;
      END IF;
      IF placed + p_counts[i] >= ${PLACES} THEN
        RAISE EXCEPTION 'an append holds less than ${PLACES} events'
          USING ERRCODE = 'program_limit_exceeded';
      END IF;
      IF NOT p_all_or_none THEN
        SELECT e.recorded_at INTO latest FROM ${log}.events e
          WHERE e.stream_id = p_stream_ids[i] ORDER BY e.revision DESC LIMIT 1;
        -- The clock of a server may be set back.
        now := greatest(date_trunc('milliseconds', clock_timestamp()), latest);
      END IF;
      WITH written AS (
        INSERT INTO ${log}.events AS e (${columns})
          SELECT (number - 1) * ${PLACES} + placed + u.place, u.occurred_at, now, u.event_id,
              revisions[i] + u.place, u.schema_version, p_stream_ids[i], u.type, u.data::json,
              u.metadata::json
            FROM unnest(
              p_event_ids[head:tail], p_types[head:tail], p_schema_versions[head:tail],
              p_data[head:tail], p_metadata[head:tail], p_occurred_at[head:tail]
            ) WITH ORDINALITY
              AS u(event_id, type, schema_version, data, metadata, occurred_at, place)
            -- Calls that share ids meet them in one order, so that none waits for another in a ring.
            ORDER BY u.event_id
        RETURNING e.revision, e.position
      )
      SELECT max(w.revision) AS revision, max(w.position) AS position INTO checked FROM written w;
      revisions[i] := checked.revision;
      positions[i] := checked.position;
      times[i] := now;
      placed := placed + p_counts[i];
    END IF;
    RETURN QUERY SELECT i, outcomes[i], revisions[i], positions[i],
      NULL::bigint, NULL::timestamptz, times[i], NULL::uuid, NULL::integer,
      NULL::smallint, NULL::text, NULL::text, NULL::json, NULL::json;
    -- Of all or none the first conflict brings its events, and the others are named.
    IF outcomes[i] = 'conflict' AND NOT (p_all_or_none AND is_explained) THEN
      is_explained := true;
      up_to := p_expected[i];
      size := 0;
      FOR checked IN
        SELECT e.revision, octet_length(e.data::text) + octet_length(e.metadata::text) AS bytes
          FROM ${log}.events e
          WHERE e.stream_id = p_stream_ids[i] AND e.revision > p_expected[i] AND p_expected[i] >= 0
          ORDER BY e.revision LIMIT p_max_between
      LOOP
        EXIT WHEN size + checked.bytes > ${MAX_BETWEEN_BYTES};
        size := size + checked.bytes;
        up_to := checked.revision;
      END LOOP;
      sent := sent + size;
      RETURN QUERY SELECT i, NULL::text, NULL::integer, NULL::bigint, ${qualified}
        FROM ${log}.events e
        WHERE e.stream_id = p_stream_ids[i] AND e.revision > p_expected[i] AND e.revision <= up_to
        ORDER BY e.revision;
    ELSIF outcomes[i] = 'id_conflict' OR (outcomes[i] = 'repeated' AND p_all_or_none) THEN
      -- Where they are, and not what they say.
      RETURN QUERY SELECT i, NULL::text, NULL::integer, NULL::bigint, e.position, e.occurred_at,
          e.recorded_at, e.event_id, e.revision, e.schema_version, e.stream_id, e.type, NULL::json, NULL::json
        FROM unnest(p_event_ids[head:tail]) WITH ORDINALITY AS u(id, place)
        JOIN ${log}.event_ids n ON n.event_id = u.id
        JOIN ${log}.events e ON e.position = n.position
        ORDER BY u.place;
    END IF;
    IF NOT p_all_or_none AND sent > ${MAX_CALL_BYTES} THEN
      RETURN;
    END IF;
    head := tail + 1;
  END LOOP;
END $$`
