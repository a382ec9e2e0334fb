/**
 * Appends to streams that are all different, which is nearly every call, without the windows that put several
 * appends to one stream behind one another; and the announcement without a function of its own.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"
import { PLACES, signed32 } from "./migration0001.ts"

/** The statements, in order. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => {
  const namespace = `'${schema}.events'::regclass::oid::bigint`
  // What `announce_append` does, which costs 20 us more: a function in a function, with settings of its own.
  const announce = `
      IF current_setting('idle_in_transaction_session_timeout') = '0' THEN
        PERFORM set_config('idle_in_transaction_session_timeout', '${IDLE_SECONDS}s', true);
      END IF;
      IF current_setting('tcp_user_timeout') = '0' THEN
        PERFORM set_config('tcp_user_timeout', '${IDLE_SECONDS}s', true);
      END IF;
      PERFORM pg_advisory_xact_lock_shared(${signed32(namespace)}, (
        SELECT ${signed32("CASE WHEN n.is_called THEN n.last_value ELSE n.last_value - 1 END")}
          FROM ${schema}.append_number n));
      start_position := (nextval('${schema}.append_number') - 1) * ${PLACES};`
  const newest = (streamId: string) => `coalesce((
        SELECT e.revision FROM ${schema}.events e
          WHERE e.stream_id = ${streamId} ORDER BY e.revision DESC LIMIT 1), 0)`
  const fits = (expected: string, base: string) =>
    `(${expected} = -2 OR ${expected} = ${base} OR (${expected} = -1 AND ${base} > 0))`
  return [
    // Parameters and answers as before.
    `CREATE OR REPLACE FUNCTION ${schema}.append_new(
      p_stream_ids text[], p_expected bigint[], p_counts integer[],
      p_event_ids uuid[], p_types text[], p_schema_versions smallint[],
      p_data text[], p_metadata text[], p_occurred_at timestamptz[],
      p_all_or_none boolean, OUT last_revisions integer[], OUT start_position bigint
    ) LANGUAGE plpgsql VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    -- As in append: plans are made once a session, and must serve while the table grows.
    SET plan_cache_mode = force_generic_plan
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
    BEGIN
      -- Under a fixed snapshot a writer that waited would not see the revision it waited for.
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED, not %', current_setting('transaction_isolation')
          USING ERRCODE = 'invalid_transaction_state';
      END IF;
      IF events > ${PLACES} THEN
        RAISE EXCEPTION 'an append holds at most ${PLACES} events'
          USING ERRCODE = 'program_limit_exceeded';
      END IF;

      -- One event alone takes the shortest way.
      IF events = 1 AND appends = 1 THEN
        IF NOT pg_try_advisory_xact_lock(hashtextextended(p_stream_ids[1], ${namespace})) THEN
          last_revisions := ARRAY[NULL::integer];
          RETURN;
        END IF;
        base := ${newest("p_stream_ids[1]")};
        IF NOT ${fits("p_expected[1]", "base")} THEN
          last_revisions := ARRAY[NULL::integer];
          RETURN;
        END IF;
        ${announce}
        INSERT INTO ${schema}.events (${columns}) VALUES (
          start_position + 1, p_occurred_at[1], date_trunc('milliseconds', clock_timestamp()),
          p_event_ids[1], base + 1, p_schema_versions[1], p_stream_ids[1], p_types[1],
          p_data[1]::json, p_metadata[1]::json);
        last_revisions := ARRAY[base + 1];
        RETURN;
      END IF;

      -- One writer a stream. Nothing waits here: a stream that is held must not hold up the others, and
      -- calls that never wait for streams never do so in a ring. Streams with one key count as one.
      SELECT count(DISTINCT k.key) = appends,
          coalesce(array_agg(k.id) FILTER (WHERE pg_try_advisory_xact_lock(k.key) IS NOT TRUE), '{}')
        INTO are_different, held
        FROM (SELECT s.id, hashtextextended(s.id, ${namespace}) AS key
          FROM unnest(p_stream_ids) AS s(id)) k;
      -- In a later statement, which sees what those have written who had the streams before.
      IF are_different THEN
        -- unnest gives the elements in their order.
        last_revisions := ARRAY(
          SELECT CASE WHEN ${fits("a.expected", "a.base")} AND a.id <> ALL (held)
              THEN a.base + a.count END
            FROM (SELECT s.id, s.expected, s.count, ${newest("s.id")} AS base
              FROM unnest(p_stream_ids, p_expected, p_counts) AS s(id, expected, count)) a);
      ELSE
        SELECT array_agg(CASE WHEN t.fits THEN t.base + t.count END ORDER BY t.place)
          INTO last_revisions
          FROM (
            SELECT c.place, c.count, c.base, bool_and(
                ${fits("c.expected", "c.base")} AND c.stream_id <> ALL (held)
              ) OVER (PARTITION BY c.stream_id) AS fits
            FROM (
              -- Several appends to a stream are written one behind the other.
              SELECT a.place, a.stream_id, a.expected, a.count, (${newest("a.stream_id")}
                  + sum(a.count) OVER (PARTITION BY a.stream_id ORDER BY a.place) - a.count
                )::integer AS base
              FROM (
                SELECT u.id COLLATE "C" AS stream_id, u.expected, u.count, u.place
                  FROM unnest(p_stream_ids, p_expected, p_counts) WITH ORDINALITY
                    AS u(id, expected, count, place)
              ) a
            ) c
          ) t;
      END IF;
      IF p_all_or_none AND array_position(last_revisions, NULL) IS NOT NULL THEN
        last_revisions := array_fill(NULL::integer, ARRAY[appends]);
      END IF;
      IF array_remove(last_revisions, NULL) = '{}' THEN
        RETURN;
      END IF;

      -- Of each event the stream and the revision; NULL where it is left.
      revisions := last_revisions;
      IF appends <> events OR 1 <> ANY (p_counts) THEN
        SELECT array_agg(a.stream_id ORDER BY a.place, i),
            array_agg(a.last - a.count + i ORDER BY a.place, i)
          INTO streams, revisions
          FROM unnest(p_stream_ids, last_revisions, p_counts) WITH ORDINALITY
            AS a(stream_id, last, count, place), generate_series(1, a.count) AS i;
        IF cardinality(streams) IS DISTINCT FROM events THEN
          RAISE EXCEPTION 'the appends have % events, and % are given', cardinality(streams), events
            USING ERRCODE = 'array_subscript_error';
        END IF;
      END IF;
      ${announce}
      INSERT INTO ${schema}.events (${columns})
        SELECT start_position + u.place, u.occurred_at, date_trunc('milliseconds', clock_timestamp()),
            u.event_id, u.revision, u.schema_version, u.stream_id, u.type, u.data::json,
            u.metadata::json
          FROM unnest(streams, revisions, p_event_ids, p_types, p_schema_versions, p_data, p_metadata,
              p_occurred_at) WITH ORDINALITY
            AS u(stream_id, revision, event_id, type, schema_version, data, metadata, occurred_at, place)
          WHERE u.revision IS NOT NULL
          -- Calls that share ids meet them in one order, so that none waits for another in a ring.
          ORDER BY u.event_id;
    END $$`
  ]
}

/** How long a transaction with an append in it may be idle: longer than any that is worked on. */
const IDLE_SECONDS = 60

const columns =
  "position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata"
