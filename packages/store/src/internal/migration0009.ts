/**
 * What each range of the table's blocks holds of times and positions, so that the position as of an instant is
 * found without reading the log.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (schema: SchemaName): ReadonlyArray<string> => [
  // Both columns: times alone would lead to all blocks after the instant, of which those before it are sought.
  `CREATE INDEX events_recorded_at_idx ON "${schema}".events
    USING brin (recorded_at, position) WITH (pages_per_range = 32, autosummarize = on)`
]
