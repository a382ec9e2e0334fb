/**
 * The position of a log in PostgreSQL as of an instant.
 *
 * Times of recording nearly always grow along positions, but need not: appends run side by side,
 * and a server's clock may be set back. Halving finds a later event near the first one. An index of
 * the times in each range of the table's blocks then leads to any later event before that one,
 * which is the answer.
 */
import type { Position } from "@daybook/kernel/Position"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { SchemaName } from "../../../PostgresSchema.ts"
import * as Instants from "../sql/instants.ts"

/** Returns the last position before the first later event, among those up to `settled`. */
export const positionAt = (
  sql: SqlClient,
  schema: SchemaName,
  settled: Position,
  recordedAt: DateTime.Utc
): Effect.Effect<Position, SqlError> =>
  Effect.map(
    sql<{ readonly position: Position }>`
      SELECT ${sql(`${schema}.position_at`)}(${PgTypes.int8(settled)},
        ${Instants.bound(DateTime.toEpochMillis(recordedAt))}::timestamptz) AS position`,
    ([row]) => row?.position ?? settled
  )
