/**
 * Reads events of one stream in PostgreSQL, along the index on stream and revision.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { MAX_REVISION } from "../../../EventStore.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import * as Instants from "../../driver/instants.ts"
import type { PageSize } from "../../driver/pageSize.ts"
import { type EventPage, eventPage, PAGE_COLUMNS, type PageRow, sizedColumns } from "./page.ts"
import { ofTypes } from "./log.ts"

/** The most revisions that one statement scans for events of the types asked for. */
export const SEARCHED_REVISIONS = 10_000

/** The events of a stream, or only those of some types. */
export interface StreamFilter {
  readonly streamId: StreamId
  readonly types?: ReadonlyArray<string> | undefined
}

/** Reads matching events between two revisions, both included, as many as fit in a page. */
export const readRevisions =
  (sql: SqlClient, schema: SchemaName, { streamId, types }: StreamFilter) =>
  (
    lowest: number,
    highest: number,
    order: "ASC" | "DESC",
    { bytes, rows }: PageSize
  ): Effect.Effect<EventPage, SqlError> => {
    return Effect.map(
      sql`
        SELECT ${sql.literal(PAGE_COLUMNS)}
        FROM (
          SELECT ${sql.literal(sizedColumns(schema))}, ${PgTypes.int4(bytes)}::integer AS most
          FROM ${sql(`${schema}.events`)}
          WHERE stream_id = ${streamId}
            AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)}
            ${ofTypes(sql, schema, types)}
          ORDER BY revision ${sql.literal(order)} LIMIT ${PgTypes.int4(rows)}
        ) AS page
        ORDER BY revision ${sql.literal(order)}`.values,
      // The rows have the columns that are asked for.
      (found) => eventPage(found as ReadonlyArray<PageRow>, streamId)
    )
  }

/** The place of an event of a stream. */
export interface Place {
  readonly revision: number
  readonly position: bigint
  /** Null at the beginning of the stream, where there is no event. */
  readonly event: EventMark.EventMark | null
}

/**
 * Returns the place of the last event of a stream, or of the last one up to a revision; both
 * numbers are 0 if there is none.
 */
export const endOfStream = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  upTo: number = MAX_REVISION
): Effect.Effect<Place, SqlError> =>
  Effect.map(
    sql<{
      readonly revision: number
      readonly position: bigint
      readonly id: EventId
      readonly recorded_at: Date
    }>`
      SELECT revision, position, event_id::text AS id, recorded_at FROM ${sql(`${schema}.events`)}
      WHERE stream_id = ${streamId} AND revision <= ${PgTypes.int4(upTo)}
      ORDER BY revision DESC LIMIT 1`,
    ([row]) =>
      row === undefined
        ? { revision: 0, position: 0n, event: null }
        : {
            revision: row.revision,
            position: row.position,
            event: EventMark.at(row.id, row.recorded_at.getTime())
          }
  )

/** Returns the last revision up to a position. */
export const revisionAt = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  position: bigint
): Effect.Effect<number, SqlError> =>
  lastThat(sql, schema, streamId, MAX_REVISION, sql`e.position <= ${PgTypes.int8(position)}`)

/** Returns the last revision up to `to` that was recorded at the instant or before. */
export const revisionRecordedAt = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: number,
  instant: number
): Effect.Effect<number, SqlError> =>
  lastThat(sql, schema, streamId, to, sql`e.recorded_at <= ${Instants.bound(instant)}::timestamptz`)

/**
 * Finds the last revision by halving: neither positions nor times of recording go back along a
 * stream.
 */
const lastThat = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: number,
  isUpTo: Fragment
): Effect.Effect<number, SqlError> => {
  const events = sql(`${schema}.events`)
  return Effect.map(
    sql<{ readonly revision: number }>`
      WITH RECURSIVE search(low, high) AS (
        SELECT 0::bigint, coalesce((SELECT revision FROM ${events}
          WHERE stream_id = ${streamId} AND revision <= ${PgTypes.int4(Math.min(to, MAX_REVISION))}
          ORDER BY revision DESC LIMIT 1), 0)::bigint + 1
        UNION ALL
        SELECT CASE WHEN ${isUpTo} THEN m.middle::bigint ELSE s.low END,
          CASE WHEN ${isUpTo} THEN s.high ELSE m.middle::bigint END
        FROM search s
        CROSS JOIN LATERAL (SELECT (s.low + (s.high - s.low) / 2)::integer AS middle) m
        CROSS JOIN LATERAL (
          SELECT position, recorded_at FROM ${events}
          WHERE stream_id = ${streamId} AND revision = m.middle LIMIT 1
        ) e
        WHERE s.high - s.low > 1
      )
      SELECT max(low)::integer AS revision FROM search`,
    ([row]) => row?.revision ?? 0
  )
}

/**
 * Returns the last revision up to `to` before the first event that occurred later. That event may
 * be anywhere, so it is searched for in pieces.
 */
export const revisionOccurredAt = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: number,
  instant: number
): Effect.fn.Return<number, SqlError> {
  // The present end: an event that is appended later comes after this read, whatever its time is.
  const end = yield* endOfStream(sql, schema, streamId, Math.min(to, MAX_REVISION))
  for (let lowest = 1; lowest <= end.revision; lowest += SEARCHED_REVISIONS) {
    const highest = Math.min(end.revision, lowest + SEARCHED_REVISIONS - 1)
    const [later] = yield* sql<{ readonly revision: number }>`
      SELECT revision FROM ${sql(`${schema}.events`)}
      WHERE stream_id = ${streamId}
        AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)}
        AND occurred_at > ${Instants.bound(instant)}::timestamptz
      ORDER BY revision LIMIT 1`
    if (later !== undefined) return later.revision - 1
  }
  return end.revision
})
