/**
 * Checks the whole log directly in its table, for faults that no call of any function may leave.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"

/**
 * Finds streams whose revisions do not count from 1 without gap or repetition, along positions and
 * times.
 */
export const look = (sql: SqlClient) =>
  Effect.map(
    sql<{ readonly stream: string; readonly revision: number }>`
      SELECT stream_id AS stream, revision FROM (
        SELECT e.stream_id, e.revision, e.recorded_at,
          row_number() OVER w AS place, lag(e.recorded_at) OVER w AS before
        FROM daybook.events e WINDOW w AS (PARTITION BY e.stream_id ORDER BY e.position)
      ) f WHERE f.revision <> f.place OR f.recorded_at < f.before LIMIT 20`,
    (rows) =>
      rows.map(
        ({ revision, stream }) =>
          `revision ${revision} of ${JSON.stringify(stream)} is out of its place in the log`
      )
  )
