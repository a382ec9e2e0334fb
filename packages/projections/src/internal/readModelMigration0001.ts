/**
 * The first schema: generations of read models, their checkpoints, skipped events, and the locks of inline appends.
 *
 * Names start with `daybook__`, which no read model's can. Released migrations are never edited: a change is a
 * further migration.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"

/** The statements, in order. A `SchemaName` holds nothing that could end its quotes. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => [
  // Epochs of all claims: a generation that was dropped and one that got its number share none.
  `CREATE SEQUENCE ${schema}.daybook__epochs AS bigint
    MINVALUE 1 MAXVALUE 9007199254740991 START 1 CACHE 1 NO CYCLE`,

  `CREATE TABLE ${schema}.daybook__generations (
    epoch bigint NOT NULL DEFAULT 0,
    lease_ends timestamptz,
    generation integer NOT NULL CHECK (generation BETWEEN 1 AND 999999),
    version integer NOT NULL CHECK (version > 0),
    paused boolean NOT NULL DEFAULT false,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL CHECK (role IN ('serving', 'shadow', 'retired')),
    mode text COLLATE "C" NOT NULL DEFAULT 'async'
      CHECK (mode = 'async' OR (mode = 'inline' AND role = 'serving')),
    owner text COLLATE "C",
    poison json,
    description text[] NOT NULL,
    CONSTRAINT daybook__generations_pkey PRIMARY KEY (name, generation)
  )`,
  `CREATE UNIQUE INDEX daybook__generations_serving ON ${schema}.daybook__generations (name)
    WHERE role = 'serving'`,
  `CREATE UNIQUE INDEX daybook__generations_shadow ON ${schema}.daybook__generations (name, version)
    WHERE role = 'shadow'`,

  // A row for each partition, so that partitions move side by side; they only share the row above.
  `CREATE TABLE ${schema}.daybook__checkpoints (
    "position" bigint NOT NULL DEFAULT 0 CHECK ("position" >= 0),
    lease_ends timestamptz,
    events bigint NOT NULL DEFAULT 0,
    events_per_second double precision NOT NULL DEFAULT 0,
    generation integer NOT NULL,
    partition integer NOT NULL CHECK (partition >= 0),
    name text COLLATE "C" NOT NULL,
    CONSTRAINT daybook__checkpoints_pkey PRIMARY KEY (name, generation, partition),
    CONSTRAINT daybook__checkpoints_generation FOREIGN KEY (name, generation)
      REFERENCES ${schema}.daybook__generations ON DELETE CASCADE
  )`,

  `CREATE TABLE ${schema}.daybook__skipped (
    "position" bigint NOT NULL,
    skipped_at timestamptz NOT NULL,
    version integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    CONSTRAINT daybook__skipped_pkey PRIMARY KEY (name, version, "position")
  )`,

  // Which of the read models this transaction keeps, until it ends; with the rows of p_keys, each of the read
  // model beside it in p_keys_of. A shared lock on each read model keeps it as it is; then, of those that are
  // kept, the rows are locked, in one order. It is one function since the roles must be read, in a new
  // statement, after the locks are had, and a host would make two round trips of that.
  // Answers: the version of each of p_names that appends keep, NULL of others.
  `CREATE FUNCTION ${schema}.daybook__keep(p_names text[], p_keys_of text[], p_keys text[])
    RETURNS integer[] LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
  AS $$
  DECLARE
    namespace CONSTANT bigint := '${schema}.daybook__generations'::regclass::oid::bigint;
    kept integer[];
  BEGIN
    -- Under a fixed snapshot who waited for a row would not see what became of it.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'keeping read models needs READ COMMITTED, not %',
        current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(k.key) FROM (
      SELECT DISTINCT hashtextextended(n.name, namespace) AS key
        FROM unnest(p_names) AS n(name) ORDER BY 1
    ) k;
    SELECT array_agg(g.version ORDER BY n.place) INTO kept
      FROM unnest(p_names) WITH ORDINALITY AS n(name, place)
      LEFT JOIN ${schema}.daybook__generations g
        ON g.name = n.name AND g.role = 'serving' AND g.mode = 'inline';
    -- No name has a space in it, so a row and a read model share no key.
    PERFORM pg_advisory_xact_lock(k.key) FROM (
      SELECT DISTINCT hashtextextended(r.name || ' ' || r.key, namespace) AS key
        FROM unnest(p_keys_of, p_keys) AS r(name, key)
        WHERE kept[array_position(p_names, r.name)] IS NOT NULL ORDER BY 1
    ) k;
    RETURN kept;
  END $$`
]
