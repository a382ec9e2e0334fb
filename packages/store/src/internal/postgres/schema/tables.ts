/**
 * The tables of a log, as the first release makes them: the first migration.
 *
 * Triggers and functions are elsewhere: functions are replaced at each migration, and missing
 * triggers are made. The exception is `check_event`, which a constraint calls. Released migrations
 * are never edited: a change is a further migration.
 */
import { checkEvent } from "./functions/checkEvent.ts"
import { PLACES } from "./sqlParts.ts"

/**
 * The columns and settings of the index of times.
 *
 * It holds both columns: with times alone it would lead to all blocks after the instant, and a
 * search needs the ones before it. The position is an expression, so that a condition on it matches
 * this index and no other.
 */
export const RECORDED_AT_INDEX =
  "USING brin (recorded_at, (position + 0)) WITH (pages_per_range = 32, autosummarize = on)"

/** Selects the indexes that summarize blocks; a log in partitions has one per partition. */
export const summarizable = (log: string): string =>
  `SELECT i.indexrelid AS oid FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'brin'
    WHERE i.indrelid = '${log}.events'::pg_catalog.regclass OR i.indrelid IN (
      SELECT h.inhrelid FROM pg_catalog.pg_inherits h WHERE h.inhparent = '${log}.events'::pg_catalog.regclass)`

/** Returns the statements that make the tables, in order. */
export const tables = (log: string): ReadonlyArray<string> => [
  // An event's position is its append's number times ${PLACES} plus its place in the append: so one
  // draw places a whole append, and no reader's end can fall into the middle of one. CACHE 1 is
  // part of the ordering rule: a session that cached numbers would draw old ones late.
  `CREATE SEQUENCE ${log}.append_number AS bigint
    MINVALUE 1 MAXVALUE ${2n ** 63n / PLACES - 1n} START 1 CACHE 1 NO CYCLE`,

  checkEvent(log),
  `REVOKE ALL ON FUNCTION ${log}.check_event FROM PUBLIC`,

  // "C" collation: names are compared byte by byte, the same on every system, and faster.
  // json, not jsonb: it keeps the text unchanged and loads faster. Fixed widths first: no padding.
  // Readers trust stored rows, and a row that stops them could never be removed.
  `CREATE TABLE ${log}.events (
    position bigint PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    event_id uuid NOT NULL CONSTRAINT events_event_id_key UNIQUE,
    revision integer NOT NULL,
    schema_version smallint NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT events_stream_id_revision_key UNIQUE (stream_id, revision),
    CONSTRAINT events_checked CHECK (${log}.check_event(
      stream_id, revision, type, schema_version, occurred_at, data, metadata))
  )`,
  `ALTER SEQUENCE ${log}.append_number OWNED BY ${log}.events.position`,
  `CREATE INDEX events_category_position_idx
    ON ${log}.events (split_part(stream_id, '-', 1), position)`,
  `CREATE INDEX events_recorded_at_idx ON ${log}.events ${RECORDED_AT_INDEX}`,

  // The position of an event by its id. A log in partitions has a table for that; here the events
  // hold it.
  `CREATE VIEW ${log}.event_ids AS SELECT e.event_id, e.position FROM ${log}.events e`,

  // The id of the log, drawn once. It travels with the rows: a copy of the log is the same log up
  // to the position where they diverge.
  `CREATE TABLE ${log}.log (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid()
  )`,
  `INSERT INTO ${log}.log DEFAULT VALUES`,

  // A table beside the events that may be emptied at any time.
  `CREATE TABLE ${log}.snapshots (
    stream_id text COLLATE "C" NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    event text COLLATE "C" NOT NULL CHECK (octet_length(event) <= 64),
    fingerprint text COLLATE "C" NOT NULL,
    state json NOT NULL,
    PRIMARY KEY (stream_id, revision)
  )`,

  // Administrative acts: append-only.
  `CREATE TABLE ${log}.acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT acts_pkey PRIMARY KEY,
    acted_at timestamptz NOT NULL,
    act text COLLATE "C" NOT NULL CHECK (octet_length(act) BETWEEN 1 AND 64),
    subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 256),
    login text COLLATE "C" NOT NULL,
    actor text CHECK (octet_length(actor) <= 4096),
    reason text CHECK (octet_length(reason) <= 4096),
    details json NOT NULL CHECK (octet_length(details::text) <= 65536)
  )`,
  `CREATE INDEX acts_subject_idx ON ${log}.acts (subject, act_id)`,

  // Events that readers pass over: append-only.
  `CREATE TABLE ${log}.passed_over (
    position bigint PRIMARY KEY,
    event_id uuid NOT NULL,
    passed_at timestamptz NOT NULL,
    login text COLLATE "C" NOT NULL,
    actor text NOT NULL CHECK (octet_length(actor) <= 4096),
    reason text NOT NULL CHECK (octet_length(reason) <= 4096)
  )`,

  // Revokes what default privileges granted to every role. The schema belongs to the log alone.
  `REVOKE ALL ON ALL TABLES IN SCHEMA ${log} FROM PUBLIC`,
  `REVOKE ALL ON ALL SEQUENCES IN SCHEMA ${log} FROM PUBLIC`
]
