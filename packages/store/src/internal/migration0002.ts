/**
 * Snapshots: a table beside the events that may be emptied at any time.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (schema: SchemaName): ReadonlyArray<string> => [
  // json, not jsonb: it keeps the text as it came, and loads faster.
  `CREATE TABLE "${schema}".snapshots (
    stream_id text COLLATE "C" NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    event_id uuid NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    state json NOT NULL,
    PRIMARY KEY (stream_id, revision)
  )`
]
