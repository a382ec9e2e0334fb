/**
 * Finds events by their ids in a log in PostgreSQL.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { EventAddress } from "../../../EventStore.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { eventAddress, type EventRow } from "./row.ts"

/** Returns the addresses of the events with these ids. */
export const find = (
  sql: SqlClient,
  schema: SchemaName,
  ids: ReadonlyArray<EventId>
): Effect.Effect<ReadonlyArray<EventAddress>, SqlError> =>
  Effect.map(
    sql<Pick<EventRow, "event_id" | "stream_id" | "revision">>`
      SELECT e.event_id, e.stream_id, e.revision
      FROM pg_catalog.unnest(${Result.getOrThrow(PgTypes.array(ids, PgTypes.OID.uuid))}) WITH ORDINALITY AS i(id, place)
      JOIN ${sql(`${schema}.event_ids`)} n ON n.event_id = i.id
      JOIN ${sql(`${schema}.events`)} e ON e.position = n.position
      ORDER BY i.place`,
    (rows) => rows.map(eventAddress)
  )
