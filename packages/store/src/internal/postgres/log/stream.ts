/**
 * Reads events of one stream in PostgreSQL, along the index on stream and revision.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { EventId } from "@daybook/kernel/EventId"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { MAX_REVISION } from "../../../EventStore.ts"
import type { AsOf, StreamEnd, StreamFilter } from "../../../driver/EventStoreDriver.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import * as Instants from "../sql/instants.ts"
import type { PageSize } from "./pageSize.ts"
import { type EventPage, eventPage, PAGE_COLUMNS, type PageRow, sizedColumns } from "./eventPage.ts"
import { ofTypes } from "./readLog.ts"
import { facts, type FactsRow } from "./streams.ts"

/** The revision of a stream without events. */
const NO_REVISION = Revision.make(0)

/** The most revisions that one statement scans for events of the types asked for. */
export const SEARCHED_REVISIONS = 10_000

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

/** Returns the last event of a stream, or its last one up to a revision, without its JSON. */
export const endOfStream = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  upTo: number = MAX_REVISION
): Effect.Effect<StreamEnd | undefined, SqlError> =>
  Effect.map(
    sql<FactsRow & { readonly id: EventId }>`
      SELECT stream_id, revision, position, occurred_at, recorded_at, event_id::text AS id
      FROM ${sql(`${schema}.events`)}
      WHERE stream_id = ${streamId} AND revision <= ${PgTypes.int4(upTo)}
      ORDER BY revision DESC LIMIT 1`,
    ([row]) => row && { ...facts(row), event: EventMark.at(row.id, row.recorded_at.getTime()) }
  )

/** Returns the last revision up to `to` that is as of the bound. */
export const revisionAsOf = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: Revision.Revision,
  bound: AsOf
): Effect.Effect<Revision.Revision, SqlError> => {
  switch (bound._tag) {
    case "Position":
      return lastThat(sql, schema, streamId, to, sql`e.position <= ${PgTypes.int8(bound.position)}`)
    case "RecordedAt": {
      const instant = Instants.bound(bound.millis)
      return lastThat(sql, schema, streamId, to, sql`e.recorded_at <= ${instant}::timestamptz`)
    }
    case "OccurredAt":
      return revisionOccurredAt(sql, schema, streamId, to, bound.millis)
  }
}

/**
 * Finds the last revision by halving: neither positions nor times of recording go back along a
 * stream.
 */
const lastThat = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: Revision.Revision,
  isUpTo: Fragment
): Effect.Effect<Revision.Revision, SqlError> => {
  const events = sql(`${schema}.events`)
  return Effect.map(
    sql<{ readonly revision: Revision.Revision }>`
      WITH RECURSIVE search(low, high) AS (
        SELECT 0::bigint, coalesce((SELECT revision FROM ${events}
          WHERE stream_id = ${streamId} AND revision <= ${PgTypes.int4(to)}
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
    ([row]) => row?.revision ?? NO_REVISION
  )
}

/**
 * Returns the last revision up to `to` before the first event that occurred later. That event may
 * be anywhere, so it is searched for in pieces.
 */
const revisionOccurredAt = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: Revision.Revision,
  instant: number
): Effect.fn.Return<Revision.Revision, SqlError> {
  // The present end: an event that is appended later comes after this read, whatever its time is.
  const end = yield* endOfStream(sql, schema, streamId, to)
  const last = end?.revision ?? NO_REVISION
  for (let lowest = 1; lowest <= last; lowest += SEARCHED_REVISIONS) {
    const highest = Math.min(last, lowest + SEARCHED_REVISIONS - 1)
    const [later] = yield* sql<{ readonly revision: Revision.Revision }>`
      SELECT revision FROM ${sql(`${schema}.events`)}
      WHERE stream_id = ${streamId}
        AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)}
        AND occurred_at > ${Instants.bound(instant)}::timestamptz
      ORDER BY revision LIMIT 1`
    if (later !== undefined) return Revision.make(later.revision - 1)
  }
  return last
})
