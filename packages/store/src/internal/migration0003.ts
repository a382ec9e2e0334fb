/**
 * Appends whose streams are as expected and whose ids are new, which is nearly all: written together,
 * as one set, instead of one after the other.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import { PLACES, signed32 } from "./migration0001.ts"
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => [
  // As before, and: a host that freezes with its transaction open holds readers back until the server ends
  // its session, which a server does not do by itself. Until this transaction ends it does, unless it was
  // set to do so sooner or later.
  `CREATE OR REPLACE FUNCTION ${schema}.announce_append() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    IF current_setting('idle_in_transaction_session_timeout') = '0' THEN
      PERFORM set_config('idle_in_transaction_session_timeout', '${IDLE_SECONDS}s', true);
    END IF;
    -- Likewise one that takes no more of its answer; on a Unix socket that is not to be had.
    IF current_setting('tcp_user_timeout') = '0' THEN
      PERFORM set_config('tcp_user_timeout', '${IDLE_SECONDS}s', true);
    END IF;
    PERFORM pg_advisory_xact_lock_shared(
      ${signed32(`'${schema}.events'::regclass::oid::bigint`)},
      ${signed32(`${schema}.newest_append()`)});
  END $$`,

  // What waits for a stream gives its connection back now and then, and is sent again: streams that are
  // held for long must not take all connections of a pool.
  `ALTER FUNCTION ${schema}.append SET lock_timeout = '${LOCK_MILLIS}ms'`,

  // Readers trust what is stored, and a row that ends them could never be taken out.
  `ALTER TABLE ${schema}.events ADD CONSTRAINT events_readable CHECK (
    occurred_at >= '0001-01-01 00:00:00+00' AND occurred_at < '10000-01-01 00:00:00+00'
    AND octet_length(data::text) <= ${MAX_DATA_BYTES}
    AND octet_length(metadata::text) <= ${MAX_METADATA_BYTES})`,

  // Writes those of the appends that it can at once, and leaves the others to `append`: where a stream is
  // not as some append to it expects, or has another writer now, all appends to that stream; where ids
  // are recorded already, it fails as a whole with unique_violation. Parameters as of `append`.
  // Answers: of each append the last revision, or NULL where it is left; the position before the first
  // event. All that is written here is one append to a reader: its events have one number.
  `CREATE FUNCTION ${schema}.append_new(
    p_stream_ids text[], p_expected bigint[], p_counts integer[],
    p_event_ids uuid[], p_types text[], p_schema_versions smallint[],
    p_data text[], p_metadata text[], p_occurred_at timestamptz[],
    p_all_or_none boolean, OUT last_revisions integer[], OUT start_position bigint
  ) LANGUAGE plpgsql VOLATILE
  -- As in append: plans are made once a session, and must serve while the table grows.
  SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off SET enable_bitmapscan = off
  AS $$
  DECLARE
    events CONSTANT integer := cardinality(p_event_ids);
    namespace CONSTANT bigint := '${schema}.events'::regclass::oid::bigint;
    base integer;
    fit integer;
    ours boolean[];
    streams text[];
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
    IF events = 1 AND cardinality(p_stream_ids) = 1 THEN
      IF NOT pg_try_advisory_xact_lock(hashtextextended(p_stream_ids[1], namespace)) THEN
        last_revisions := ARRAY[NULL::integer];
        RETURN;
      END IF;
      base := coalesce((
        SELECT e.revision FROM ${schema}.events e
          WHERE e.stream_id = p_stream_ids[1] ORDER BY e.revision DESC LIMIT 1), 0);
      IF NOT (p_expected[1] = -2 OR p_expected[1] = base OR (p_expected[1] = -1 AND base > 0)) THEN
        last_revisions := ARRAY[NULL::integer];
        RETURN;
      END IF;
      PERFORM ${schema}.announce_append();
      start_position := (nextval('${schema}.append_number') - 1) * ${PLACES};
      INSERT INTO ${schema}.events (${columns}) VALUES (
        start_position + 1, p_occurred_at[1], date_trunc('milliseconds', clock_timestamp()),
        p_event_ids[1], base + 1, p_schema_versions[1], p_stream_ids[1], p_types[1],
        p_data[1]::json, p_metadata[1]::json);
      last_revisions := ARRAY[base + 1];
      RETURN;
    END IF;

    -- One writer a stream. Nothing waits here: a stream that is held must not hold up the others, and
    -- calls that never wait for streams never do so in a ring.
    SELECT array_agg(pg_try_advisory_xact_lock(hashtextextended(s.id, namespace)) ORDER BY s.place)
      INTO ours FROM unnest(p_stream_ids) WITH ORDINALITY AS s(id, place);
    SELECT array_agg(CASE WHEN t.fits THEN t.base + t.count END ORDER BY t.place),
        count(*) FILTER (WHERE t.fits)
      INTO last_revisions, fit
      FROM (
        SELECT c.place, c.count, c.base, bool_and(c.ours AND (
            c.expected = -2 OR c.expected = c.base OR (c.expected = -1 AND c.base > 0))
          ) OVER (PARTITION BY c.stream_id) AS fits
        FROM (
          -- Several appends to a stream are written one behind the other.
          SELECT a.place, a.stream_id, a.expected, a.count, a.ours, (coalesce((
              SELECT e.revision FROM ${schema}.events e
                WHERE e.stream_id = a.stream_id ORDER BY e.revision DESC LIMIT 1
            ), 0) + sum(a.count) OVER (PARTITION BY a.stream_id ORDER BY a.place) - a.count)::integer
            AS base
          FROM unnest(p_stream_ids, p_expected, p_counts, ours) WITH ORDINALITY
            AS a(stream_id, expected, count, ours, place)
        ) c
      ) t;
    IF fit = 0 OR (p_all_or_none AND fit < cardinality(p_stream_ids)) THEN
      last_revisions := array_fill(NULL::integer, ARRAY[cardinality(p_stream_ids)]);
      RETURN;
    END IF;

    -- Of each event the stream and the revision; NULL where it is left.
    SELECT array_agg(a.stream_id ORDER BY a.place, i), array_agg(a.last - a.count + i ORDER BY a.place, i)
      INTO streams, revisions
      FROM unnest(p_stream_ids, last_revisions, p_counts) WITH ORDINALITY
        AS a(stream_id, last, count, place), generate_series(1, a.count) AS i;
    IF cardinality(streams) <> events THEN
      RAISE EXCEPTION 'the appends have % events, and % are given', cardinality(streams), events
        USING ERRCODE = 'array_subscript_error';
    END IF;
    PERFORM ${schema}.announce_append();
    start_position := (nextval('${schema}.append_number') - 1) * ${PLACES};
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

/** The limits of the contract when this was written; a higher one needs a migration that says so. */
const MAX_DATA_BYTES = 1_048_576
const MAX_METADATA_BYTES = 65_536

/** How long a transaction with an append in it may be idle: longer than any that is worked on. */
const IDLE_SECONDS = 60

/** How long a call waits for a stream: longer than an append takes, and too short to be missed. */
const LOCK_MILLIS = 50

const columns =
  "position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata"
