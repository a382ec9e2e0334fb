/**
 * `try_append`: appends whose streams are as expected and whose ids are new, which are nearly all,
 * written together as one set.
 */
import { refuseArguments } from "../refuseArguments.ts"
import {
  boundTransaction,
  columns,
  endOfRows,
  FEW_STREAMS,
  LARGE_CALLS,
  largeCall,
  MAX_REVISION,
  namespace,
  PLACES,
  refuseFixedSnapshot,
  refuseUnsound,
  signed32
} from "../sqlParts.ts"

// The body of `announce_append`, with a check of the sequence first: as a function of its own it
// costs 20 us more.
const announce = (log: string) => `
    ${endOfRows(log, "INTO ends")};
    ${boundTransaction}
    SELECT CASE WHEN n.is_called THEN n.last_value ELSE n.last_value - 1 END INTO newest
      FROM ${log}.append_number n;
    ${refuseUnsound}
    IF NOT pg_try_advisory_xact_lock_shared(${signed32(namespace(log))}, ${signed32("newest")}) THEN
      PERFORM ${log}.announce_lower(newest);
    END IF;
    start_position := (nextval('${log}.append_number') - 1) * ${PLACES};`

/** The longest wait for one lock: too short to be noticed; after it `append` waits in steps. */
export const LOCK_MILLIS = 2_000

const newestOf = (log: string, streamId: string) => `
        SELECT e.revision, e.recorded_at FROM ${log}.events e
          WHERE e.stream_id = ${streamId} ORDER BY e.revision DESC LIMIT 1`

const fits = (expected: string, base: string, count: string) =>
  `((${expected} = -2 OR ${expected} = ${base} OR (${expected} = -1 AND ${base} > 0))
          AND ${base} <= ${MAX_REVISION} - ${count})`

/**
 * Returns the statement that installs it.
 *
 * It writes the appends that it can write at once, and leaves the others to `append`. If a stream
 * is not as one of its appends expects, or has another writer now, all appends to that stream are
 * left. If ids are recorded already, the whole call fails with unique_violation. Parameters as of
 * `append`. It returns the last revision of each append, or NULL for one that is left, the position
 * before the first event, and the time of each append. To a reader everything that it writes is one
 * append: its events share one number. Of several appends to one stream each but the first leaves
 * one position free before it, which separates them.
 */
export const tryAppend = (log: string): string => `CREATE OR REPLACE FUNCTION ${log}.try_append(
  p_stream_ids text[], p_expected bigint[], p_counts integer[],
  p_event_ids uuid[], p_types text[], p_schema_versions smallint[],
  p_data text[], p_metadata text[], p_occurred_at timestamptz[],
  p_all_or_none boolean, OUT last_revisions integer[], OUT start_position bigint,
  OUT recorded_ats timestamptz[]
) LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- What waits here waits for a table or for an id that others are recording, never for a stream.
SET lock_timeout = '${LOCK_MILLIS}ms'
-- As in append.
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
  appends CONSTANT integer := cardinality(p_stream_ids);
  events CONSTANT integer := cardinality(p_event_ids);
  base integer;
  held text[];
  are_different boolean;
  streams text[] := p_stream_ids;
  revisions integer[];
  -- The time of the newest event of each stream that is written; NULL of one that begins.
  befores timestamptz[];
  latest timestamptz;
  now timestamptz;
  -- Of each append, later of each event: the positions that are left free before it, and its time. NULL: none, and now.
  gaps integer[];
  times timestamptz[];
  ends bigint;
  newest bigint;
BEGIN
  ${refuseFixedSnapshot}
  ${refuseArguments}

  -- One event alone takes the shortest way.
  IF events = 1 AND appends = 1 THEN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_stream_ids[1], ${namespace(log)})) THEN
      last_revisions := ARRAY[NULL::integer];
      RETURN;
    END IF;
    SELECT e.revision, e.recorded_at INTO base, latest FROM ${log}.events e
      WHERE e.stream_id = p_stream_ids[1] ORDER BY e.revision DESC LIMIT 1;
    base := coalesce(base, 0);
    IF NOT ${fits("p_expected[1]", "base", "1")} THEN
      last_revisions := ARRAY[NULL::integer];
      RETURN;
    END IF;
    ${announce(log)}
    -- The clock of a server may be set back.
    recorded_ats := ARRAY[greatest(date_trunc('milliseconds', clock_timestamp()), latest)];
    INSERT INTO ${log}.events (${columns}) VALUES (
      start_position + 1, p_occurred_at[1], recorded_ats[1], p_event_ids[1], base + 1, p_schema_versions[1], p_stream_ids[1], p_types[1],
      p_data[1]::json, p_metadata[1]::json);
    last_revisions := ARRAY[base + 1];
    RETURN;
  END IF;

  -- Each stream takes a place in the lock table of the server, which is as large as a few calls of the most streams, and belongs to
  -- all who use the server.
  IF appends > ${FEW_STREAMS} AND NOT EXISTS (
    SELECT FROM generate_series(0, ${LARGE_CALLS - 1}) AS i WHERE pg_try_advisory_xact_lock(${largeCall(log, "i")}))
  THEN
    last_revisions := array_fill(NULL::integer, ARRAY[appends]);
    RETURN;
  END IF;

  -- One writer a stream. Nothing waits here: a stream that is held must not hold up the others, and
  -- calls that never wait for streams never do so in a ring. Streams with one key count as one.
  SELECT count(DISTINCT k.key) = appends,
      coalesce(array_agg(k.id) FILTER (WHERE pg_try_advisory_xact_lock(k.key) IS NOT TRUE), '{}')
    INTO are_different, held
    FROM (SELECT s.id, hashtextextended(s.id, ${namespace(log)}) AS key
      FROM unnest(p_stream_ids) AS s(id)) k;
  -- In a later statement, which sees what those have written who had the streams before.
  IF are_different THEN
    -- unnest gives the elements in their order, and a lateral join keeps it.
    SELECT array_agg(CASE WHEN ${fits("a.expected", "a.base", "a.count")} AND a.id <> ALL (held)
          THEN a.base + a.count END), array_agg(a.before), max(a.before)
      INTO last_revisions, befores, latest
      FROM (SELECT s.id, s.expected, s.count, coalesce(l.revision, 0) AS base,
            CASE WHEN s.count > 0 THEN l.recorded_at END AS before
          FROM unnest(p_stream_ids, p_expected, p_counts) AS s(id, expected, count)
          LEFT JOIN LATERAL (${newestOf(log, "s.id")}) l ON true) a;
  ELSE
    SELECT array_agg(CASE WHEN t.fits THEN (t.base + t.count)::integer END ORDER BY t.place),
        array_agg(t.before ORDER BY t.place), max(t.before), array_agg(t.gap ORDER BY t.place), max(t.gap)
      INTO last_revisions, befores, latest, gaps, base
      FROM (
        SELECT c.place, c.count, c.base, c.before, bool_and(
            ${fits("c.expected", "c.base", "c.count")} AND c.stream_id <> ALL (held)
          ) OVER (PARTITION BY c.stream_id) AS fits,
          (count(*) FILTER (WHERE c.nth > 1) OVER (ORDER BY c.place))::integer AS gap
        FROM (
          -- Several appends to a stream are written one behind the other.
          SELECT a.place, a.stream_id, a.expected, a.count, coalesce(l.revision, 0)
              + sum(a.count) OVER (PARTITION BY a.stream_id ORDER BY a.place) - a.count AS base,
            row_number() OVER (PARTITION BY a.stream_id ORDER BY a.place) AS nth,
            CASE WHEN a.count > 0 THEN l.recorded_at END AS before
          FROM (
            SELECT u.id COLLATE "C" AS stream_id, u.expected, u.count, u.place
              FROM unnest(p_stream_ids, p_expected, p_counts) WITH ORDINALITY
                AS u(id, expected, count, place)
          ) a LEFT JOIN LATERAL (${newestOf(log, "a.stream_id")}) l ON true
        ) c
      ) t;
    IF events + base >= ${PLACES} THEN
      RAISE EXCEPTION 'appends have less than ${PLACES} events and places between them'
        USING ERRCODE = 'program_limit_exceeded';
    END IF;
  END IF;
  IF p_all_or_none AND array_position(last_revisions, NULL) IS NOT NULL THEN
    last_revisions := array_fill(NULL::integer, ARRAY[appends]);
  END IF;
  IF array_remove(last_revisions, NULL) = '{}' THEN
    RETURN;
  END IF;

  -- All of an append have one time, and all of one that is all or none.
  now := date_trunc('milliseconds', clock_timestamp());
  IF latest > now THEN
    IF p_all_or_none THEN
      now := latest;
    ELSE
      times := ARRAY(SELECT greatest(b.before, now) FROM unnest(befores) AS b(before));
    END IF;
  END IF;

  recorded_ats := coalesce(times, array_fill(now, ARRAY[appends]));
  -- Of each event the stream and the revision; NULL where it is left.
  revisions := last_revisions;
  IF appends <> events OR 1 <> ANY (p_counts) THEN
    SELECT array_agg(a.stream_id ORDER BY a.place, i),
        array_agg(a.last - a.count + i ORDER BY a.place, i)
      INTO streams, revisions
      FROM unnest(p_stream_ids, last_revisions, p_counts) WITH ORDINALITY
        AS a(stream_id, last, count, place), generate_series(1, a.count) AS i;
    IF gaps IS NOT NULL OR times IS NOT NULL THEN
      SELECT array_agg(a.gap ORDER BY a.place, i), array_agg(a.time ORDER BY a.place, i)
        INTO gaps, times
        FROM unnest(p_counts, gaps, times) WITH ORDINALITY AS a(count, gap, time, place),
          generate_series(1, a.count) AS i;
    END IF;
  END IF;
  ${announce(log)}
  INSERT INTO ${log}.events (${columns})
    SELECT start_position + u.place + coalesce(u.gap, 0), u.occurred_at, coalesce(u.time, now),
        u.event_id, u.revision, u.schema_version, u.stream_id, u.type, u.data::json,
        u.metadata::json
      FROM unnest(streams, revisions, gaps, times, p_event_ids, p_types, p_schema_versions, p_data,
          p_metadata, p_occurred_at) WITH ORDINALITY
        AS u(stream_id, revision, gap, time, event_id, type, schema_version, data, metadata, occurred_at,
          place)
      WHERE u.revision IS NOT NULL
      -- Calls that share ids meet them in one order, so that none waits for another in a ring.
      ORDER BY u.event_id;
END $$`
