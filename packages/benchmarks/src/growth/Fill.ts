/**
 * Fills a log with orders in one statement for many appends: rows as the log's own functions write
 * them, under all constraints of the table, and a sequence that follows.
 *
 * Appends of five events come in groups, in which the streams take turns: 95 orders and 5 baskets
 * of 10 events, 10 orders of 100 events. So the events of a stream lie apart, and a category of few
 * events lies between the many of another.
 */
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Orders from "../Orders.ts"

/** The number of events in a group: a log has a multiple of them. */
export const GROUP = 2_000

/** The number of short and of long orders in a group, baskets not counted. */
export const SHORT_ORDERS = 95
export const LONG_ORDERS = 10
const BASKETS = 5
const SHORT_STREAMS = SHORT_ORDERS + BASKETS

/** The number of events of a long order. */
const LONG = 100

const EVENTS_AN_APPEND = 5
const APPENDS = GROUP / EVENTS_AN_APPEND

/** The category of the few. */
export const RARE = "basket"

/** Returns the id of a short order of a group, both counted from 0. */
export const shortOrder = (group: number, order: number): string =>
  `short-${group}-${order + BASKETS}`

/** Returns the id of a long order of a group, both counted from 0. */
export const longOrder = (group: number, order: number): string => `long-${group}-${order}`

/** Returns the number of appends that filled a log. */
export const appends = (events: number): number => events / EVENTS_AN_APPEND

/** The positions that each append takes, however few events it has. */
const PLACES = 1_024

/** Returns the last position before an append, counted from 0. */
export const before = (append: number): bigint => BigInt(append) * BigInt(PLACES)

const BEGAN = DateTime.toEpochMillis(DateTime.makeUnsafe("2026-01-01T00:00:00Z"))

/** Returns the time at which an append was recorded, a second after the one before. */
export const recordedAt = (append: number): DateTime.Utc =>
  DateTime.makeUnsafe(BEGAN + append * 1_000)

/** The most events of a statement. */
const CHUNK = 100_000

/** Fills an empty log with `events` events, a multiple of {@link GROUP}. */
export const fill = Effect.fnUntraced(function* (sql: SqlClient, schema: string, events: number) {
  for (let from = 0; from < events; from += CHUNK) {
    yield* insert(sql, schema, appends(from), appends(Math.min(events, from + CHUNK)))
  }
  yield* sql.unsafe(`SELECT setval('"${schema}".append_number', ${appends(events)})`).unprepared
  // As autovacuum did in a log that has grown over months.
  yield* sql.unsafe(`VACUUM (ANALYZE) "${schema}".events`).unprepared
  yield* sql.unsafe("CHECKPOINT").unprepared
})

/** Inserts the appends from `from` up to `to`, which is excluded, counted from 0. */
const insert = (sql: SqlClient, schema: string, from: number, to: number) => {
  const history = Orders.history(LONG)
  const { OID } = PgTypes
  const column = (oid: number, of: (event: NewEvent) => unknown) =>
    // Text and integers have array types.
    Result.getOrThrow(PgTypes.array(history.map(of), oid))
  return sql.unsafe(statement(schema), [
    PgTypes.int8(BigInt(from)),
    PgTypes.int8(BigInt(to - 1)),
    column(OID.text, ({ type }) => type),
    column(OID.int2, ({ schemaVersion }) => schemaVersion),
    column(OID.text, ({ data }) => JSON.stringify(data))
  ])
}

/** Of each append: `g` is its group, `turn` its place among the appends of its kind in it. */
const statement = (schema: string) => `
  INSERT INTO "${schema}".events (position, occurred_at, recorded_at, event_id, revision,
    schema_version, stream_id, type, data, metadata)
  SELECT a.n * ${PLACES} + p.place, a.at, a.at, gen_random_uuid(), e.revision::integer,
    e.schema_version, a.stream_id, e.type, e.data::json, '{}'
  FROM (
    SELECT t.n, to_timestamp((${BEGAN / 1_000} + t.n)::float8) AS at,
      CASE
        WHEN t.is_long THEN 'order-long-' || t.g || '-' || t.turn % ${LONG_ORDERS}
        WHEN t.turn % ${SHORT_STREAMS} < ${BASKETS} THEN '${RARE}-' || t.g || '-' || t.turn % ${SHORT_STREAMS}
        ELSE 'order-short-' || t.g || '-' || t.turn % ${SHORT_STREAMS}
      END AS stream_id,
      ${EVENTS_AN_APPEND} * (t.turn / CASE WHEN t.is_long THEN ${LONG_ORDERS} ELSE ${SHORT_STREAMS} END) AS revision
    FROM (
      SELECT n, n / ${APPENDS} AS g, n % 2 = 1 AS is_long, n % ${APPENDS} / 2 AS turn
      FROM generate_series($1::bigint, $2::bigint) AS n
    ) t
  ) a
  CROSS JOIN generate_series(1, ${EVENTS_AN_APPEND}) AS p(place)
  JOIN unnest($3::text[], $4::smallint[], $5::text[]) WITH ORDINALITY
    AS e(type, schema_version, data, revision) ON e.revision = a.revision + p.place
  ORDER BY 1`
