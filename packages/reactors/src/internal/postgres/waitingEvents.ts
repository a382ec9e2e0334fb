/**
 * The table of the events that wait for held keys: the third migration.
 */

/** Returns the statements; `schema` is a quoted name. */
export const waitingEvents = (schema: string): ReadonlyArray<string> => [
  // Only of groups with a key function: the events of a stream need no list. The key function may
  // return other keys for them by the time that they are released.
  `CREATE TABLE ${schema}.waiting_events (
    "position" bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    CONSTRAINT waiting_events_pkey PRIMARY KEY (name, key, "position"),
    CONSTRAINT waiting_events_held FOREIGN KEY (name, key)
      REFERENCES ${schema}.held_keys ON DELETE CASCADE
  )`
]
