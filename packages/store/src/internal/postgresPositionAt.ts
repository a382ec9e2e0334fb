/**
 * The position of a log in PostgreSQL as of an instant.
 *
 * Along positions the time of recording nearly always grows, and need not: appends run side by side, and a server's
 * clock may be put back. Halving finds a later event near the first one. That nothing before it is later is then
 * looked up in an index of what each block of the table holds at most, and if there is something, it is the answer.
 */
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { SchemaName } from "../PostgresSchema.ts"
import * as Instants from "./instants.ts"

/** The last position before the first later event, among those up to `settled`. */
export const positionAt = (
  sql: SqlClient,
  schema: SchemaName,
  settled: bigint,
  recordedAt: DateTime.Utc
): Effect.Effect<bigint, SqlError> => {
  const events = sql(`${schema}.events`)
  const instant = Instants.bound(DateTime.toEpochMillis(recordedAt))
  return Effect.map(
    sql<{ readonly position: bigint }>`
      WITH RECURSIVE bounds AS MATERIALIZED (
        SELECT ${instant}::timestamptz AS least, 'infinity'::timestamptz AS most
      ), search(low, high) AS (
        SELECT 0::bigint, ${PgTypes.int8(settled)} + 1
        UNION ALL
        SELECT CASE WHEN e.recorded_at > b.least THEN s.low ELSE m.middle END,
          CASE WHEN e.recorded_at > b.least THEN e.position ELSE s.high END
        FROM search s CROSS JOIN bounds b
        CROSS JOIN LATERAL (SELECT s.low + (s.high - s.low) / 2 AS middle) m
        LEFT JOIN LATERAL (
          SELECT position, recorded_at FROM ${events}
          WHERE position > s.low AND position <= m.middle ORDER BY position DESC LIMIT 1
        ) e ON true
        WHERE s.high - s.low > 1
      ), later AS MATERIALIZED (SELECT min(high) AS position FROM search)
      -- The bounds are subqueries, so that the plan is that of a small range, and + 0 keeps it from the primary key.
      SELECT coalesce((
          SELECT min(e.position + 0) FROM ${events} e
          WHERE e.recorded_at > (SELECT least FROM bounds) AND e.recorded_at <= (SELECT most FROM bounds)
            AND e.position < (SELECT position FROM later)
        ), (SELECT position FROM later)) - 1 AS position`,
    ([row]) => row?.position ?? settled
  )
}
