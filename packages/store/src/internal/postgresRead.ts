/**
 * Reading a log in PostgreSQL page by page.
 *
 * Each page is a statement of its own: no cursor and no connection is held while the reader works.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import type { EventAddress, ReadAllOptions, ReadOptions, Until } from "../EventStore.ts"
import type { SchemaName } from "../PostgresSchema.ts"
import { type Backlog, MAX_BACKLOG, type SubscribeOptions } from "../Subscription.ts"
import * as Instants from "./instants.ts"
import { PAGE_ROWS, type PageSize, pageSize } from "./pageSize.ts"
import {
  type EventPage,
  eventPage,
  PAGE_COLUMNS,
  type PageRow,
  SIZED_COLUMNS
} from "./postgresPage.ts"
import { MAX_ROWS_TOGETHER, type ReadPage } from "./postgresPages.ts"
import { eventAddress, type EventRow } from "./postgresRow.ts"
import * as ReadAhead from "./readAhead.ts"
import { inTransaction } from "./savepoint.ts"

/** The highest revision of a stream: the column is an integer. */
const MAX_REVISION = 2_147_483_647

export const read = (
  sql: SqlClient,
  schema: SchemaName,
  readPage: ReadPage,
  streamId: StreamId,
  { direction, from, limit, to, until }: ReadOptions
): Stream.Stream<RecordedEvent, SqlError> =>
  Stream.unwrap(
    Effect.map(lastRevision(sql, schema, streamId, to ?? MAX_REVISION, until), (last) =>
      pages({
        sql,
        lowest: Math.min(from ?? 1, MAX_REVISION),
        highest: Math.min(last, MAX_REVISION),
        after: (revision, step) => revision + step,
        at: (event) => event.revision,
        direction,
        limit,
        firstRows: MAX_ROWS_TOGETHER,
        read: (lowest, highest, order, size) =>
          order === "ASC"
            ? readPage({ streamId, lowest, highest, size })
            : readRows(
                sql,
                schema,
                sql`stream_id = ${streamId}
                  AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)}`,
                "revision DESC",
                size
              )
      })
    )
  )

/** The events of a condition, as many as fit in a page. */
const readRows = (
  sql: SqlClient,
  schema: SchemaName,
  where: Fragment,
  order: string,
  { bytes, rows }: PageSize
): Effect.Effect<EventPage, SqlError> =>
  Effect.map(
    sql`
      SELECT ${sql.literal(PAGE_COLUMNS)}, stream_id
      FROM (
        SELECT ${sql.literal(SIZED_COLUMNS)}, ${PgTypes.int4(bytes)}::integer AS most
        FROM ${sql(`${schema}.events`)}
        WHERE ${where} ORDER BY ${sql.literal(order)} LIMIT ${PgTypes.int4(rows)}
      ) AS page
      ORDER BY ${sql.literal(order)}`.values,
    // The rows are of the columns that are asked for.
    (found) => eventPage(found as ReadonlyArray<PageRow>)
  )

/**
 * `to`, or the last revision below it before the first event that is later than the instant.
 *
 * Without a later event it is the last revision of now, looked up in the same statement: what is
 * appended after that is later than the reading, whatever its time says.
 */
const lastRevision = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: number,
  until: Until | undefined
): Effect.Effect<number, SqlError> => {
  if (until === undefined) return Effect.succeed(to)
  const instant = until.occurredAt ?? until.recordedAt
  const column = until.occurredAt === undefined ? "recorded_at" : "occurred_at"
  const events = sql(`${schema}.events`)
  return Effect.map(
    sql<{ readonly revision: number }>`
      SELECT coalesce(
        (SELECT revision - 1 FROM ${events}
          WHERE stream_id = ${streamId} AND ${sql(column)} > ${Instants.bound(DateTime.toEpochMillis(instant))}::timestamptz
          ORDER BY revision LIMIT 1),
        (SELECT revision FROM ${events}
          WHERE stream_id = ${streamId} ORDER BY revision DESC LIMIT 1),
        0) AS revision`,
    (rows) => Math.min(to, Arr.getUnsafe(rows, 0).revision)
  )
}

export const readAll = (
  sql: SqlClient,
  schema: SchemaName,
  { after, categories, direction, limit, types, upTo }: ReadAllOptions
): Stream.Stream<RecordedEvent, SqlError> =>
  Stream.unwrap(
    Effect.map(settledPosition(sql, schema), (settled) =>
      pages({
        sql,
        lowest: (after ?? 0n) + 1n,
        highest: upTo !== undefined && upTo < settled ? upTo : settled,
        after: (position, step) => position + BigInt(step),
        at: (event) => event.position,
        direction,
        limit,
        // The pages are later statements than the settled position: that is half of its proof.
        read: readLog(sql, schema, { categories, types })
      })
    )
  )

type LogFilter = Pick<ReadAllOptions, "categories" | "types">

/** Matching events of the log between two positions, both included. */
export const readLog =
  (sql: SqlClient, schema: SchemaName, filter: LogFilter) =>
  (lowest: bigint, highest: bigint, order: "ASC" | "DESC", size: PageSize) =>
    readRows(sql, schema, between(sql, lowest, highest, filter), `position ${order}`, size)

/** The position of the row so many places after the first, if there are so many between the positions. */
export const positionAfterRows = (
  sql: SqlClient,
  schema: SchemaName,
  filter: LogFilter,
  lowest: bigint,
  highest: bigint,
  rows: number
): Effect.Effect<bigint | undefined, SqlError> =>
  Effect.map(
    sql<{ readonly position: bigint }>`
      SELECT position FROM ${sql(`${schema}.events`)}
      WHERE ${between(sql, lowest, highest, filter)}
      ORDER BY position OFFSET ${PgTypes.int4(rows)} LIMIT 1`,
    ([row]) => row?.position
  )

const between = (
  sql: SqlClient,
  lowest: bigint,
  highest: bigint,
  { categories, types }: LogFilter
): Fragment => {
  const where: Array<Fragment> = [
    sql`position BETWEEN ${PgTypes.int8(lowest)} AND ${PgTypes.int8(highest)}`
  ]
  if (categories !== undefined) {
    // The expression of the index on category and position.
    where.push(sql`split_part(stream_id, '-', 1) = ANY(${textArray(categories)})`)
  }
  if (types !== undefined) where.push(sql`type = ANY(${textArray(types)})`)
  return sql.and(where)
}

/** What is settled behind a position, counted. */
export const backlog = (
  sql: SqlClient,
  schema: SchemaName,
  { after, ...filter }: SubscribeOptions
): Effect.Effect<Backlog, SqlError> =>
  Effect.flatMap(settledPosition(sql, schema), (settled) =>
    Effect.map(
      sql<{ readonly events: bigint; readonly since: Date | null }>`
        SELECT count(*) AS events, min(recorded_at) AS since FROM (
          SELECT recorded_at FROM ${sql(`${schema}.events`)}
          WHERE ${between(sql, (after ?? 0n) + 1n, settled, filter)}
          ORDER BY position LIMIT ${PgTypes.int4(MAX_BACKLOG)}
        ) AS behind`,
      (rows) => {
        const { events, since } = Arr.getUnsafe(rows, 0)
        return {
          events: Number(events),
          // Appends take turns on a stream and not on the log: the earliest may not be the first.
          since: Option.map(Option.fromNullOr(since), DateTime.makeUnsafe),
          head: Position.make(settled)
        }
      }
    )
  )

/** Up to here nothing can be recorded any more; see the ADR on ordering. */
export const settledPosition = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<bigint, SqlError> =>
  Effect.map(
    sql<{ readonly position: bigint }>`
      SELECT ${sql(`${schema}.settled_position`)}() AS position`,
    (rows) => Arr.getUnsafe(rows, 0).position
  )

/** Where the events of the ids are. */
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

const textArray = (values: ReadonlyArray<string>) =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text))

interface Pages<Place> {
  readonly sql: SqlClient
  /** The range to read, both ends included; empty when they cross. */
  readonly lowest: Place
  readonly highest: Place
  readonly after: (place: Place, step: 1 | -1) => Place
  readonly at: (event: RecordedEvent) => Place
  readonly direction: "forward" | "backward" | undefined
  readonly limit: number | undefined
  readonly firstRows?: number
  readonly read: (
    lowest: Place,
    highest: Place,
    order: "ASC" | "DESC",
    size: PageSize
  ) => Effect.Effect<EventPage, SqlError>
}

/** Pages along a key, from one end of the range to the other. */
const pages = <Place extends number | bigint>(
  options: Pages<Place>
): Stream.Stream<RecordedEvent, SqlError> => {
  const { after, at, firstRows = PAGE_ROWS, limit = Number.MAX_SAFE_INTEGER, read, sql } = options
  const backward = options.direction === "backward"
  const { highest, lowest } = options
  const start = { lowest, highest, left: limit, size: pageSize(0, Math.min(limit, firstRows)) }
  return ReadAhead.paginate(
    start,
    ({ highest, left, lowest, size }) => {
      if (left === 0 || lowest > highest) return Effect.succeed([[], Option.none()] as const)
      return Effect.map(
        read(lowest, highest, backward ? "DESC" : "ASC", size),
        ({ cut, events, largest }) => {
          const last = events.at(-1)
          if (!cut && events.length < size.rows) return [events, Option.none()] as const
          const remaining = left - events.length
          const next = {
            lowest: backward || last === undefined ? lowest : after(at(last), 1),
            highest: backward && last !== undefined ? after(at(last), -1) : highest,
            left: remaining,
            size: pageSize(largest, Math.min(remaining, PAGE_ROWS))
          }
          return [events, Option.some(next)] as const
        }
      )
    },
    {
      ready: ({ highest, left, lowest }) => left > 0 && lowest <= highest,
      alone: inTransaction(sql)
    }
  )
}
