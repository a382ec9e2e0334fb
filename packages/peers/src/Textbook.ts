/**
 * The store that a person would write by hand: one table, in which the database itself refuses a second
 * event at a revision. Positions come from the sequence alone, so readers of it can miss late commits.
 */
import * as Arr from "effect/Array"
import type * as Baskets from "./Baskets.ts"

/** The table, with what its promises need and nothing else. */
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

/** What {@link Rows.select} wants of it. */
export const rows = "SELECT stream_id, revision, type, data FROM events"

const COLUMNS = ["stream_id", "revision", "type", "data", "metadata"]

/** The statement that inserts so many events; its parameters are those of {@link values}. */
export const insert = (count: number): string => {
  const tuples = Arr.makeBy(
    count,
    (row) => `(${COLUMNS.map((_, index) => `$${row * COLUMNS.length + index + 1}`).join(", ")})`
  )
  return `INSERT INTO events (${COLUMNS.join(", ")}) VALUES ${tuples.join(", ")}`
}

/** The parameters of {@link insert}, the events following the revision. */
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

/** Reads what a stream has after a revision. */
export const read = `SELECT type, data FROM events
  WHERE stream_id = $1 AND revision > $2 ORDER BY revision`

/** PostgreSQL's code for a second event at a revision. */
export const UNIQUE_VIOLATION = "23505"
