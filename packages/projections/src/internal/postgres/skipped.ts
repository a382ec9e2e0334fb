/**
 * The skipped events of read models in PostgreSQL.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { Position } from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Skipped, SkipReason } from "../../driver/ReadModelGeneration.ts"
import type { Event } from "../lifecycle/event.ts"
import { quoted } from "./columns.ts"

interface Row {
  readonly version: Projection.Version
  readonly position: bigint
  readonly event: EventMark
  readonly reason: string
  readonly skipped_at: Date
}

/** Reads the skipped events of a read model, in position order. */
export const list = (
  sql: SqlClient,
  schema: SchemaName,
  name: Projection.Name
): Effect.Effect<ReadonlyArray<Skipped>, SqlError> =>
  Effect.map(
    sql.unsafe<Row>(
      `SELECT version, "position", event, reason, skipped_at FROM ${quoted(schema)}.daybook__skipped
      WHERE name = $1 ORDER BY "position", version`,
      [PgTypes.text(name)]
    ),
    (rows) =>
      rows.map(({ event, position, reason, skipped_at, version }) => ({
        name,
        version,
        position: position as Position,
        event: event,
        reason: reason as SkipReason,
        skippedAt: DateTime.makeUnsafe(skipped_at)
      }))
  )

export const record = (
  sql: SqlClient,
  schema: SchemaName,
  name: Projection.Name,
  { event, position, reason, version }: Extract<Event, { readonly _tag: "Skipped" }>
): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(
      `INSERT INTO ${quoted(schema)}.daybook__skipped (name, version, "position", reason, event, skipped_at)
      VALUES ($1, $2, $3, $4, $5::text,
        pg_catalog.date_trunc('milliseconds'::pg_catalog.text, pg_catalog.clock_timestamp()))`,
      [
        PgTypes.text(name),
        PgTypes.int4(version),
        PgTypes.int8(position),
        PgTypes.text(reason),
        PgTypes.text(event)
      ]
    )
  )
