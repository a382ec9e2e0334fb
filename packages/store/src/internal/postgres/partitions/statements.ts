/**
 * The SQL that moves the events of a log into partitions and adds partitions.
 *
 * A `SchemaName` and the table names made here contain nothing that could end their quotes, so they
 * can stand where PostgreSQL allows no parameters.
 */
import type { SchemaName } from "../../../PostgresSchema.ts"
import { PLACES } from "../schema/sqlParts.ts"
import { RECORDED_AT_INDEX } from "../schema/tables.ts"

/** Returns the name of the table of the appends from `first` on. */
export const tableOf = (first: bigint): string => `events_${first}`

/** The first position after the append with a number, which is how a range of positions ends. */
const behind = (append: bigint): bigint => append * PLACES + 1n

/**
 * The check that proves to PostgreSQL, without a scan, that the first partition holds only its own
 * range.
 */
export const CHECK = "events_before_partitions"

/**
 * Makes the log record the position of each id from now on.
 *
 * A trigger can't be bypassed, neither by a function that is added later nor by the owner. There
 * are two of them: the one of `events` sees writes to that table, and the one of a partition sees
 * writes that name the partition itself.
 */
export const rememberIds = (schema: SchemaName): ReadonlyArray<string> => [
  `CREATE TABLE "${schema}".recorded_ids (
    event_id uuid CONSTRAINT recorded_ids_pkey PRIMARY KEY,
    position bigint NOT NULL
  )`,
  withoutDefaults(schema, "recorded_ids"),
  ...appendOnly(schema, "recorded_ids"),
  ...recordIds(schema, "events")
]

export const recordIds = (schema: SchemaName, table: string) => [
  `CREATE TRIGGER record_ids AFTER INSERT ON "${schema}"."${table}"
    REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION "${schema}".record_ids()`,
  `ALTER TABLE "${schema}"."${table}" ENABLE ALWAYS TRIGGER record_ids`
]

export const appendOnly = (schema: SchemaName, table: string, refuse = "refuse_change") => [
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "${schema}"."${table}"
    FOR EACH STATEMENT EXECUTE FUNCTION "${schema}".${refuse}()`,
  `ALTER TABLE "${schema}"."${table}" ENABLE ALWAYS TRIGGER append_only`
]

/**
 * Revokes the privileges on a new table that default privileges granted to roles other than its
 * owner.
 */
const withoutDefaults = (schema: SchemaName, table: string) => `DO $$
  DECLARE
    given record;
  BEGIN
    FOR given IN SELECT DISTINCT r.rolname AS name
      FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
      WHERE c.oid = '"${schema}".${table}'::pg_catalog.regclass::pg_catalog.oid AND a.grantee <> c.relowner
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON "${schema}".${table} FROM %s CASCADE',
        coalesce(pg_catalog.quote_ident(given.name::pg_catalog.text), 'PUBLIC'));
    END LOOP;
  END $$`

/** Limits new events to positions before the end of the first partition. */
export const addCheck = (schema: SchemaName, last: bigint): ReadonlyArray<string> => [
  dropCheck(schema),
  `ALTER TABLE "${schema}".events ADD CONSTRAINT ${CHECK} CHECK (position < ${behind(last)}) NOT VALID`
]

/** Reads all events; appends continue meanwhile. */
export const validateCheck = (schema: SchemaName): string =>
  `ALTER TABLE "${schema}".events VALIDATE CONSTRAINT ${CHECK}`

export const dropCheck = (schema: SchemaName): string =>
  `ALTER TABLE "${schema}".events DROP CONSTRAINT IF EXISTS ${CHECK}`

/**
 * Makes the table of events the first partition, up to the append `last`, of a new table that takes
 * its name.
 *
 * All ids must be recorded already. Reads and appends wait until the transaction ends.
 */
export const convertToPartitioned = (schema: SchemaName, last: bigint): ReadonlyArray<string> => {
  const log = `"${schema}"`
  const first = tableOf(1n)
  return [
    `ALTER TABLE ${log}.events RENAME TO ${first}`,
    `ALTER TABLE ${log}.${first} RENAME CONSTRAINT events_pkey TO ${first}_pkey`,
    `ALTER TABLE ${log}.${first}
      RENAME CONSTRAINT events_stream_id_revision_key TO ${first}_stream_id_revision_key`,
    `ALTER INDEX ${log}.events_category_position_idx RENAME TO ${first}_category_position_idx`,
    `ALTER INDEX ${log}.events_recorded_at_idx RENAME TO ${first}_recorded_at_idx`,
    `CREATE TABLE ${log}.events (
      LIKE ${log}.${first} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION
    ) PARTITION BY RANGE (position)`,
    withoutDefaults(schema, "events"),
    `ALTER TABLE ${log}.events DROP CONSTRAINT IF EXISTS ${CHECK}`,
    `ALTER TABLE ${log}.events ADD CONSTRAINT events_pkey PRIMARY KEY (position)`,
    `CREATE INDEX events_category_position_idx
      ON ${log}.events (split_part(stream_id, '-', 1), position)`,
    `CREATE INDEX events_recorded_at_idx
      ON ${log}.events ${RECORDED_AT_INDEX}`,
    `ALTER TABLE ${log}.events ATTACH PARTITION ${log}.${first} FOR VALUES FROM (MINVALUE) TO (${behind(last)})`,
    `ALTER TABLE ${log}.${first} DROP CONSTRAINT IF EXISTS ${CHECK}`,
    ...appendOnly(schema, "events"),
    ...recordIds(schema, "events"),
    // Otherwise the sequence would be dropped together with the first partition.
    `ALTER SEQUENCE ${log}.append_number OWNED BY ${log}.events.position`,
    // The stores recognize a taken id by this name of a constraint.
    // CASCADE: functions and rules of other roles may name the constraint, also those of readers.
    `ALTER TABLE ${log}.${first} DROP CONSTRAINT events_event_id_key CASCADE`,
    `ALTER TABLE ${log}.recorded_ids RENAME CONSTRAINT recorded_ids_pkey TO events_event_id_key`,
    `CREATE OR REPLACE VIEW ${log}.event_ids AS SELECT r.event_id, r.position FROM ${log}.recorded_ids r`,
    // A role that could read and write events still can under the name that it knows, and not under
    // the name of the partition.
    `DO $$
    DECLARE
      had record;
    BEGIN
      FOR had IN SELECT a.privilege_type AS privilege, a.is_grantable, r.rolname AS name
        FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE c.oid = '${log}.${first}'::pg_catalog.regclass AND a.grantee <> c.relowner
      LOOP
        EXECUTE pg_catalog.format('GRANT %s ON ${log}.events TO %s %s', had.privilege,
          coalesce(pg_catalog.quote_ident(had.name), 'PUBLIC'),
          CASE WHEN had.is_grantable THEN 'WITH GRANT OPTION' END);
        EXECUTE pg_catalog.format('REVOKE ALL ON ${log}.${first} FROM %s',
          coalesce(pg_catalog.quote_ident(had.name), 'PUBLIC'));
      END LOOP;
    END $$`
  ]
}

/**
 * Makes the partition of the appends after `after` up to `last`.
 *
 * It is made on its own, empty, and then attached, so that appends and reads continue. Revisions
 * are unique within each partition; they are unique over all partitions because a stream has one
 * writer at a time.
 */
export const addPartition = (
  schema: SchemaName,
  after: bigint,
  last: bigint
): ReadonlyArray<string> => {
  const table = tableOf(after + 1n)
  const named = `"${schema}".${table}`
  return [
    `CREATE TABLE ${named} (LIKE "${schema}".events INCLUDING DEFAULTS INCLUDING CONSTRAINTS
      INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING INDEXES)`,
    withoutDefaults(schema, table),
    `ALTER TABLE ${named} ADD CONSTRAINT ${table}_stream_id_revision_key UNIQUE (stream_id, revision)`,
    ...appendOnly(schema, table),
    ...recordIds(schema, table),
    `ALTER TABLE "${schema}".events ATTACH PARTITION ${named}
      FOR VALUES FROM (${behind(after)}) TO (${behind(last)})`
  ]
}
