/**
 * A store as one would write it by hand: one table, in which the database itself refuses a second
 * event at a revision. Positions come from the sequence alone, so its readers can miss late
 * commits.
 */
import * as Arr from "effect/Array"
import type * as Baskets from "./Baskets.ts"

/** The table, with nothing but the columns and constraints that its promises need. */
export const schema = `CREATE TABLE events (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id text NOT NULL,
  revision integer NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  metadata jsonb NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stream_id, revision)
)`

/** The rows for {@link Rows.select}. */
export const rows = "SELECT stream_id, revision, type, data FROM events"

const COLUMNS = ["stream_id", "revision", "type", "data", "metadata"]

/** Returns the statement that inserts `count` events; {@link values} returns its parameters. */
export const insert = (count: number): string => {
  const tuples = Arr.makeBy(
    count,
    (row) => `(${COLUMNS.map((_, index) => `$${row * COLUMNS.length + index + 1}`).join(", ")})`
  )
  return `INSERT INTO events (${COLUMNS.join(", ")}) VALUES ${tuples.join(", ")}`
}

/** Returns the parameters of {@link insert} for events that follow the revision. */
export const values = (
  streamId: string,
  revision: number,
  events: ReadonlyArray<Baskets.Stored>
): Array<string | number> =>
  events.flatMap(({ data, type }, index) => [
    streamId,
    revision + index + 1,
    type,
    JSON.stringify(data),
    "{}"
  ])

/** The statement that reads a stream's events after a revision. */
export const read = `SELECT type, data FROM events
  WHERE stream_id = $1 AND revision > $2 ORDER BY revision`

/** PostgreSQL's code for a second event at a revision. */
export const UNIQUE_VIOLATION = "23505"
