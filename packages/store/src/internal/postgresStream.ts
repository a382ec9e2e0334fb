/**
 * Events of one stream in PostgreSQL, along the index on stream and revision.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { MAX_REVISION } from "../EventStore.ts"
import type { SchemaName } from "../PostgresSchema.ts"
import type { PageSize } from "./pageSize.ts"
import {
  type EventPage,
  eventPage,
  PAGE_COLUMNS,
  type PageRow,
  SIZED_COLUMNS
} from "./postgresPage.ts"
import { textArray } from "./postgresLog.ts"

/** How many revisions one statement goes through at most to find events of the types asked for. */
export const SEARCHED_REVISIONS = 10_000

/** Events of a stream, of some types if they are given. */
export interface StreamFilter {
  readonly streamId: StreamId
  readonly types?: ReadonlyArray<string> | undefined
}

/** Matching events between two revisions, both included, as many as fit in a page. */
export const readRevisions =
  (sql: SqlClient, schema: SchemaName, { streamId, types }: StreamFilter) =>
  (
    lowest: number,
    highest: number,
    order: "ASC" | "DESC",
    { bytes, rows }: PageSize
  ): Effect.Effect<EventPage, SqlError> => {
    const ofTypes = types === undefined ? sql.literal("") : sql`AND type = ANY(${textArray(types)})`
    return Effect.map(
      sql`
        SELECT ${sql.literal(PAGE_COLUMNS)}
        FROM (
          SELECT ${sql.literal(SIZED_COLUMNS)}, ${PgTypes.int4(bytes)}::integer AS most
          FROM ${sql(`${schema}.events`)}
          WHERE stream_id = ${streamId}
            AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)} ${ofTypes}
          ORDER BY revision ${sql.literal(order)} LIMIT ${PgTypes.int4(rows)}
        ) AS page
        ORDER BY revision ${sql.literal(order)}`.values,
      // The rows are of the columns that are asked for.
      (found) => eventPage(found as ReadonlyArray<PageRow>, streamId)
    )
  }

/** Where an event of a stream is. */
export interface Place {
  readonly revision: number
  readonly position: bigint
  /** Null at the beginning of the stream, where there is no event. */
  readonly id: EventId | null
}

/** Where the last event of a stream is, or the last up to a revision; both 0 when there is none. */
export const endOfStream = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  upTo: number = MAX_REVISION
): Effect.Effect<Place, SqlError> =>
  Effect.map(
    sql<Place>`
      SELECT revision, position, event_id::text AS id FROM ${sql(`${schema}.events`)}
      WHERE stream_id = ${streamId} AND revision <= ${PgTypes.int4(upTo)}
      ORDER BY revision DESC LIMIT 1`,
    ([place]) => place ?? { revision: 0, position: 0n, id: null }
  )

/** The last revision up to a position: positions increase along a stream, so halving finds it. */
export const revisionAt = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  position: bigint
): Effect.Effect<number, SqlError> => {
  const events = sql(`${schema}.events`)
  return Effect.map(
    sql<{ readonly revision: number }>`
      WITH RECURSIVE search(low, high) AS (
        SELECT 0, coalesce((SELECT revision FROM ${events}
          WHERE stream_id = ${streamId} ORDER BY revision DESC LIMIT 1), 0) + 1
        UNION ALL
        SELECT CASE WHEN e.position <= ${PgTypes.int8(position)} THEN m.middle ELSE s.low END,
          CASE WHEN e.position <= ${PgTypes.int8(position)} THEN s.high ELSE m.middle END
        FROM search s
        CROSS JOIN LATERAL (SELECT s.low + (s.high - s.low) / 2 AS middle) m
        CROSS JOIN LATERAL (
          SELECT position FROM ${events} WHERE stream_id = ${streamId} AND revision = m.middle LIMIT 1
        ) e
        WHERE s.high - s.low > 1
      )
      SELECT max(low) AS revision FROM search`,
    ([row]) => row?.revision ?? 0
  )
}
