/**
 * The first schema: the events, the order that readers may trust, and the functions that append.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/**
 * The statements, in order. A `SchemaName` holds nothing that could end its quotes, so it can stand in
 * the bodies of functions, where PostgreSQL allows no parameters.
 */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => [
  // Appends are numbered, and an event's position is its append's number times ${PLACES} and its place
  // in it: so one draw places a whole append, and no reader's end can fall into the middle of one.
  // CACHE 1 is part of the ordering rule: a session that cached numbers would draw old ones late.
  `CREATE SEQUENCE ${schema}.append_number AS bigint
    MINVALUE 1 MAXVALUE ${2n ** 63n / PLACES - 1n} START 1 CACHE 1 NO CYCLE`,

  // "C" collation: names are compared byte by byte, the same on every system, and faster.
  // json, not jsonb: it keeps the text as it came and loads faster. Fixed widths first: no padding.
  `CREATE TABLE ${schema}.events (
    position bigint PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    event_id uuid NOT NULL CONSTRAINT events_event_id_key UNIQUE,
    revision integer NOT NULL CHECK (revision > 0),
    schema_version smallint NOT NULL CHECK (schema_version > 0),
    stream_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT events_stream_id_revision_key UNIQUE (stream_id, revision)
  )`,
  `ALTER SEQUENCE ${schema}.append_number OWNED BY ${schema}.events.position`,
  `CREATE INDEX events_category_position_idx
    ON ${schema}.events (split_part(stream_id, '-', 1), position)`,

  `CREATE FUNCTION ${schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', lower(TG_OP) USING ERRCODE = 'insufficient_privilege';
  END $$`,
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${schema}.events
    FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_change()`,

  // The last number drawn by anybody, committed or not; 0 before the first.
  `CREATE FUNCTION ${schema}.newest_append() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM ${schema}.append_number
  $$`,

  // Announces, until this transaction ends, that it may still write appends past the newest of now.
  // Keys are 32 bits, so the number is cut to its low half; settled_position() restores it.
  `CREATE FUNCTION ${schema}.announce_append() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(
      ${signed32(`'${schema}.events'::regclass::oid::bigint`)},
      ${signed32(`${schema}.newest_append()`)});
  END $$`,

  // Up to here nothing can be recorded any more: read events up to it in a *later* statement.
  // The newest number must be read before the locks; see the ADR on ordering for the proof.
  `CREATE FUNCTION ${schema}.settled_position() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
  DECLARE
    newest bigint;
    oldest_open integer;
  BEGIN
    -- Under a fixed snapshot the reader would not see what is settled, and standbys show no locks.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'reading the log needs READ COMMITTED, not %',
        current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF pg_is_in_recovery() THEN
      RAISE EXCEPTION 'the log is read from the primary: a standby does not show its open appends'
        USING ERRCODE = 'invalid_transaction_state';
    END IF;
    newest := ${schema}.newest_append();
    SELECT min(${signed32("l.objid::bigint - newest")}) INTO oldest_open
      FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND l.classid = '${schema}.events'::regclass::oid;
    RETURN (newest + least(coalesce(oldest_open, 0), 0)) * ${PLACES};
  END $$`,

  // How one append stands: 'new' with the stream's revision, 'repeated' with the first answer,
  // 'conflict' with the stream's revision, or 'id_conflict'. Call it with the stream locked.
  `CREATE FUNCTION ${schema}.judge_append(
    p_stream_id text, p_expected bigint, p_event_ids uuid[],
    OUT outcome text, OUT revision integer, OUT "position" bigint
  ) LANGUAGE plpgsql VOLATILE AS $$
  DECLARE
    recorded bigint;
    on_stream bigint;
    in_order boolean;
  BEGIN
    SELECT count(*), count(*) FILTER (WHERE r.stream_id = p_stream_id),
        coalesce(bool_and(r.ascending), true), max(r.revision), max(r.position)
      INTO recorded, on_stream, in_order, revision, "position"
      FROM (
        SELECT e.stream_id, e.revision, e.position,
            e.revision > coalesce(lag(e.revision) OVER (ORDER BY i.place), 0) AS ascending
          FROM unnest(p_event_ids) WITH ORDINALITY AS i(id, place)
          JOIN ${schema}.events e ON e.event_id = i.id
      ) r;
    IF recorded > 0 THEN
      outcome := CASE
        WHEN on_stream = cardinality(p_event_ids) AND in_order THEN 'repeated'
        ELSE 'id_conflict' END;
      RETURN;
    END IF;
    "position" := NULL;
    SELECT e.revision INTO revision FROM ${schema}.events e
      WHERE e.stream_id = p_stream_id ORDER BY e.revision DESC LIMIT 1;
    revision := coalesce(revision, 0);
    outcome := CASE
      WHEN p_expected = -2 OR p_expected = revision OR (p_expected = -1 AND revision > 0)
      THEN 'new' ELSE 'conflict' END;
  END $$`,

  // Appends in one call, each with its own answer, in the order given; or all or none.
  // p_expected: -2 any, -1 exists, otherwise the revision. p_counts: events of each append, which
  // follow one another in the event arrays; 0 only checks its stream.
  // Answers: one row an append, with its outcome. Behind 'conflict' follow the events in between, at
  // most p_max_between, behind 'id_conflict' those whose ids are taken, both with outcome NULL.
  `CREATE FUNCTION ${schema}.append(
    p_stream_ids text[], p_expected bigint[], p_counts integer[],
    p_event_ids uuid[], p_types text[], p_schema_versions smallint[],
    p_data text[], p_metadata text[], p_occurred_at timestamptz[],
    p_all_or_none boolean, p_max_between integer
  ) RETURNS TABLE (
    append_index integer, outcome text, last_revision integer, last_position bigint,
    "position" bigint, occurred_at timestamptz, recorded_at timestamptz, event_id uuid,
    revision integer, schema_version smallint, stream_id text, type text, data json, metadata json
  ) LANGUAGE plpgsql VOLATILE
  -- Planning would take longer than the work, so plans are made once a session; and one made while
  -- the table was small must serve while it grows.
  SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  AS $$
  #variable_conflict use_column
  DECLARE
    appends CONSTANT integer := cardinality(p_stream_ids);
    outcomes text[] := '{}';
    revisions integer[] := '{}';
    positions bigint[] := '{}';
    writes boolean := true;
    number bigint;
    placed integer := 0;
    head integer := 1;
    tail integer;
    judged record;
    now timestamptz;
  BEGIN
    -- Under a fixed snapshot a writer that waited would not see the revision it waited for.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'append needs READ COMMITTED, not %', current_setting('transaction_isolation')
        USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- One writer a stream; locked in one order, so that no two calls can wait for each other.
    PERFORM pg_advisory_xact_lock(k.key) FROM (
      SELECT DISTINCT hashtextextended(s.id, '${schema}.events'::regclass::oid::bigint) AS key
        FROM unnest(p_stream_ids) AS s(id) ORDER BY 1
    ) k;
    IF p_all_or_none THEN
      -- Streams are named once, so that judging all before writing any changes no judgement.
      FOR i IN 1..appends LOOP
        tail := head + p_counts[i] - 1;
        judged := ${schema}.judge_append(p_stream_ids[i], p_expected[i], p_event_ids[head:tail]);
        outcomes[i] := judged.outcome;
        revisions[i] := judged.revision;
        positions[i] := judged.position;
        head := tail + 1;
      END LOOP;
      writes := NOT EXISTS (SELECT FROM unnest(outcomes) AS o(outcome) WHERE o.outcome <> 'new');
      head := 1;
    END IF;
    FOR i IN 1..appends LOOP
      tail := head + p_counts[i] - 1;
      IF NOT p_all_or_none THEN
        judged := ${schema}.judge_append(p_stream_ids[i], p_expected[i], p_event_ids[head:tail]);
        outcomes[i] := judged.outcome;
        revisions[i] := judged.revision;
        positions[i] := judged.position;
      END IF;
      IF writes AND outcomes[i] = 'new' AND p_counts[i] > 0 THEN
        IF number IS NULL THEN
          PERFORM ${schema}.announce_append();
        END IF;
        -- All or none is one append, so that readers see all or none of it too.
        IF number IS NULL OR NOT p_all_or_none THEN
          number := nextval('${schema}.append_number');
          placed := 0;
        END IF;
        IF placed + p_counts[i] > ${PLACES} THEN
          RAISE EXCEPTION 'an append holds at most ${PLACES} events'
            USING ERRCODE = 'program_limit_exceeded';
        END IF;
        now := date_trunc('milliseconds', clock_timestamp());
        WITH written AS (
          INSERT INTO ${schema}.events AS e (${columns})
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
        SELECT max(w.revision) AS revision, max(w.position) AS position INTO judged FROM written w;
        revisions[i] := judged.revision;
        positions[i] := judged.position;
        placed := placed + p_counts[i];
      END IF;
      RETURN QUERY SELECT i, outcomes[i], revisions[i], positions[i],
        NULL::bigint, NULL::timestamptz, NULL::timestamptz, NULL::uuid, NULL::integer,
        NULL::smallint, NULL::text, NULL::text, NULL::json, NULL::json;
      IF outcomes[i] = 'conflict' THEN
        RETURN QUERY SELECT i, NULL::text, NULL::integer, NULL::bigint, ${qualified}
          FROM ${schema}.events e
          WHERE e.stream_id = p_stream_ids[i] AND e.revision > p_expected[i] AND p_expected[i] >= 0
          ORDER BY e.revision LIMIT p_max_between;
      ELSIF outcomes[i] = 'id_conflict' OR (outcomes[i] = 'repeated' AND p_all_or_none) THEN
        RETURN QUERY SELECT i, NULL::text, NULL::integer, NULL::bigint, ${qualified}
          FROM unnest(p_event_ids[head:tail]) WITH ORDINALITY AS u(id, place)
          JOIN ${schema}.events e ON e.event_id = u.id
          ORDER BY u.place;
      END IF;
      head := tail + 1;
    END LOOP;
  END $$`
]

/** How many positions an append has: more than `MAX_EVENTS`, and a power of two. */
export const PLACES = 1_024n

const names = [
  "position",
  "occurred_at",
  "recorded_at",
  "event_id",
  "revision",
  "schema_version",
  "stream_id",
  "type",
  "data",
  "metadata"
]
const columns = names.join(", ")
const qualified = names.map((name) => `e.${name}`).join(", ")

/** SQL for the low 32 bits of a bigint as a signed integer: shifting left drops the high half. */
export function signed32(bigint: string): string {
  return `((((${bigint}) << 32) >> 32)::integer)`
}
