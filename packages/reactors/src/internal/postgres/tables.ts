/**
 * The tables of consumer groups, as the first release creates them: the first migration.
 *
 * Released migrations are never edited: a change is a further migration.
 */

/**
 * Returns the statements, in order.
 *
 * `schema` is the quoted name of a schema, without characters that could end its quotes.
 */
export const tables = (schema: string): ReadonlyArray<string> => [
  // epoch: the largest that a range of the group has had. categories, types: the filter, for the
  // status; null means all.
  `CREATE TABLE ${schema}.groups (
    epoch bigint NOT NULL CHECK (epoch > 0),
    name text COLLATE "C" NOT NULL CONSTRAINT groups_pkey PRIMARY KEY,
    categories text[],
    types text[]
  )`,

  // The hosts that run a group.
  `CREATE TABLE ${schema}.members (
    lease_ends timestamptz NOT NULL,
    name text COLLATE "C" NOT NULL REFERENCES ${schema}.groups ON DELETE CASCADE,
    owner text COLLATE "C" NOT NULL,
    CONSTRAINT members_pkey PRIMARY KEY (name, owner)
  )`,

  // All slots of a group, each in one range. A range of another shape or another owner is another
  // row, under an epoch of its own, so commits under a lost lease find no row. event: the mark of
  // the last event at or below the position.
  `CREATE TABLE ${schema}.ranges (
    epoch bigint NOT NULL,
    "position" bigint NOT NULL CHECK ("position" >= 0),
    lease_ends timestamptz,
    first_slot integer NOT NULL,
    last_slot integer NOT NULL,
    log uuid NOT NULL,
    name text COLLATE "C" NOT NULL REFERENCES ${schema}.groups ON DELETE CASCADE,
    owner text COLLATE "C",
    event text COLLATE "C",
    CONSTRAINT ranges_pkey PRIMARY KEY (name, epoch),
    CONSTRAINT ranges_slots CHECK (0 <= first_slot AND first_slot <= last_slot AND last_slot < 1024),
    CONSTRAINT ranges_lease CHECK ((owner IS NULL) = (lease_ends IS NULL))
  ) WITH (fillfactor = 50)`,

  `CREATE TABLE ${schema}.held_keys (
    "position" bigint NOT NULL CHECK ("position" >= 0),
    held_at timestamptz NOT NULL,
    slot integer NOT NULL CHECK (slot BETWEEN 0 AND 1023),
    attempts integer NOT NULL,
    name text COLLATE "C" NOT NULL REFERENCES ${schema}.groups ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('parked', 'stopped')),
    asked text COLLATE "C" CHECK (asked IN ('release', 'drop')),
    event text COLLATE "C" NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    issue text NOT NULL,
    CONSTRAINT held_keys_pkey PRIMARY KEY (name, key)
  )`,

  `CREATE TABLE ${schema}.acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT acts_pkey PRIMARY KEY,
    acted_at timestamptz NOT NULL,
    name text COLLATE "C" NOT NULL,
    act text COLLATE "C" NOT NULL,
    login text COLLATE "C" NOT NULL,
    actor text,
    reason text,
    details json NOT NULL
  )`,
  `CREATE INDEX acts_name ON ${schema}.acts (name, act_id)`
]
