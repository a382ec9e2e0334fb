/**
 * Lists the streams of a log in PostgreSQL, from the index on stream and revision: it is entered
 * once to find each stream and once to find its last event, however many events lie in between.
 */
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { StreamSelection } from "../../../driver/EventStoreDriver.ts"
import type { StreamFacts } from "../../../EventStore.ts"
import type { EventRow } from "./row.ts"

/** The columns of a stream's last event. */
export type FactsRow = Pick<
  EventRow,
  "stream_id" | "revision" | "position" | "occurred_at" | "recorded_at"
>

/** Returns the facts in a row; the casts trust the checks of `append`. */
export const facts = (row: FactsRow): StreamFacts => ({
  streamId: row.stream_id as StreamId,
  revision: row.revision as Revision,
  position: row.position as Position,
  occurredAt: DateTime.makeUnsafe(row.occurred_at),
  recordedAt: DateTime.makeUnsafe(row.recorded_at)
})

/** Lists streams by their ids. */
export const streams = (
  sql: SqlClient,
  schema: SchemaName,
  { after, limit, prefix }: StreamSelection
): Effect.Effect<ReadonlyArray<StreamFacts>, SqlError> => {
  const events = sql(`${schema}.events`)
  // No id has a control character, so this is the first text after that id that could be another
  // id.
  const from = after === undefined ? "" : `${after}\u0001`
  return Effect.map(
    sql<FactsRow>`
      WITH RECURSIVE listed(stream_id, place) AS (
        (SELECT stream_id, 1 FROM ${events}
          WHERE stream_id >= greatest(${prefix} COLLATE "C", ${from} COLLATE "C")
          ORDER BY stream_id, revision LIMIT 1)
        UNION ALL
        SELECT n.stream_id, l.place + 1 FROM listed l CROSS JOIN LATERAL (
          SELECT stream_id FROM ${events} WHERE stream_id > l.stream_id
          ORDER BY stream_id, revision LIMIT 1
        ) n
        WHERE l.place < ${PgTypes.int4(limit)} AND starts_with(n.stream_id, ${prefix})
      )
      SELECT e.* FROM listed l CROSS JOIN LATERAL (
        SELECT stream_id, revision, position, occurred_at, recorded_at FROM ${events}
        WHERE stream_id = l.stream_id ORDER BY revision DESC LIMIT 1
      ) e
      WHERE starts_with(l.stream_id, ${prefix})
      ORDER BY l.place`,
    (rows) => rows.map(facts)
  )
}
