/**
 * The table of the timers of processes, as the first release creates it: the second migration.
 */

/** Returns the statements; `schema` is a quoted name. */
export const processTimers = (schema: string): ReadonlyArray<string> => [
  // A timer that is set; the log has its history. slot: of the stream, in a group. setting: the
  // number of the setting in its process.
  `CREATE TABLE ${schema}.process_timers (
    due_at timestamptz NOT NULL,
    setting integer NOT NULL,
    slot integer NOT NULL CHECK (slot BETWEEN 0 AND 1023),
    process text COLLATE "C" NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    timer text COLLATE "C" NOT NULL,
    CONSTRAINT process_timers_pkey PRIMARY KEY (process, stream_id, timer)
  )`,
  // A range has a share of the slots, so the first due timers of a range are near the front.
  `CREATE INDEX process_timers_due ON ${schema}.process_timers (process, due_at, slot)`
]
