/**
 * The tables of read models' generations, as the first release creates them: the first migration.
 *
 * Their names start with `daybook__`, which no name of a read model can. Released migrations are
 * never edited: a change is a further migration.
 */

/**
 * Returns the statements, in order.
 *
 * `schema` is the quoted name of a schema, without characters that could end its quotes.
 */
export const tables = (schema: string): ReadonlyArray<string> => [
  // Epochs of all claims: a dropped generation and one that reuses its number share none.
  `CREATE SEQUENCE ${schema}.daybook__epochs AS bigint
    MINVALUE 1 MAXVALUE 9007199254740991 START 1 CACHE 1 NO CYCLE`,

  // log: the id of the log that it is folded from, once it is known. left_behind: the number and
  // the first of the dependents that a switch left with the table before. accepted: its rows may
  // replace serving rows that differ.
  `CREATE TABLE ${schema}.daybook__generations (
    epoch bigint NOT NULL DEFAULT 0,
    lease_ends timestamptz,
    generation integer NOT NULL CHECK (generation BETWEEN 1 AND 999999),
    version integer NOT NULL CHECK (version > 0),
    paused boolean NOT NULL DEFAULT false,
    accepted boolean NOT NULL DEFAULT false,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL CHECK (role IN ('serving', 'shadow', 'retired')),
    mode text COLLATE "C" NOT NULL DEFAULT 'async'
      CHECK (mode = 'async' OR (mode = 'inline' AND role = 'serving')),
    owner text COLLATE "C",
    poison json,
    description text[] NOT NULL,
    log uuid,
    left_behind json NOT NULL DEFAULT '{"count":0,"first":[]}',
    CONSTRAINT daybook__generations_pkey PRIMARY KEY (name, generation)
  )`,
  `CREATE UNIQUE INDEX daybook__generations_serving ON ${schema}.daybook__generations (name)
    WHERE role = 'serving'`,
  `CREATE UNIQUE INDEX daybook__generations_shadow ON ${schema}.daybook__generations (name, version)
    WHERE role = 'shadow'`,

  // A row for each partition, so that partitions move concurrently; they only share the
  // generation's row. event: the mark of the last event at or below the position.
  `CREATE TABLE ${schema}.daybook__checkpoints (
    "position" bigint NOT NULL DEFAULT 0 CHECK ("position" >= 0),
    lease_ends timestamptz,
    events bigint NOT NULL DEFAULT 0,
    events_per_second double precision NOT NULL DEFAULT 0,
    generation integer NOT NULL,
    partition integer NOT NULL CHECK (partition >= 0),
    name text COLLATE "C" NOT NULL,
    event text COLLATE "C",
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
    event text COLLATE "C" NOT NULL,
    CONSTRAINT daybook__skipped_pkey PRIMARY KEY (name, version, event)
  )`,

  // Administrative acts, for when the log's own record of them is in another database.
  `CREATE TABLE ${schema}.daybook__acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT daybook__acts_pkey PRIMARY KEY,
    acted_at timestamptz NOT NULL,
    act text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    login text COLLATE "C" NOT NULL,
    actor text,
    reason text,
    details json NOT NULL
  )`
]
