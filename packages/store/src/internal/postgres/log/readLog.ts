/**
 * Reads events of the log in PostgreSQL: between two positions, of some categories, of some types.
 *
 * Statements are prepared once and serve every value, so their form allows only one plan: positions
 * of all categories come from the primary key, and positions of a category from the index on
 * category and position. Written as `category = $1 AND position BETWEEN $2 AND $3 ORDER BY
 * position`, both plans would do, and the server takes the primary key where it estimates that a
 * category is common: for a rare one it then reads the whole log.
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Counted, LogFilter } from "../../../driver/EventStoreDriver.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { PageSize } from "./pageSize.ts"
import { type EventPage, eventPage, PAGE_COLUMNS, type PageRow, sizedColumns } from "./eventPage.ts"
import { COLUMNS, isPassedOver } from "./row.ts"

/**
 * The most rows that one statement scans for events of the types asked for, which have no index:
 * about 10 ms.
 */
export const SEARCHED_ROWS = 10_000

type Order = "ASC" | "DESC"

interface Rows {
  readonly columns: string
  readonly lowest: bigint
  readonly highest: bigint
  readonly order: Order
  readonly types: ReadonlyArray<string> | undefined
  /**
   * The most rows to scan, matching or not. It limits reads of one category; reads of all
   * categories are limited only by positions.
   */
  readonly searched: number
  /** The most rows to return. */
  readonly limit: number
}

/** Selects rows of all categories. */
const ofLog = (sql: SqlClient, schema: SchemaName, rows: Rows): Fragment => sql`
  SELECT ${sql.literal(rows.columns)} FROM ${sql(`${schema}.events`)}
  WHERE position BETWEEN ${PgTypes.int8(rows.lowest)} AND ${PgTypes.int8(rows.highest)}
    ${ofTypes(sql, schema, rows.types)}
  ORDER BY position ${sql.literal(rows.order)} LIMIT ${PgTypes.int4(rows.limit)}`

/**
 * Selects rows of one category, along the index on category and position.
 *
 * The comparison of both columns together is the start of the index range, and no other index has
 * its order. It is written three times, since the server estimates that each holds for a third of
 * the log, whatever its value. At a ninth in total it would consider a scan of a small log cheaper;
 * at a hundredth it never does. The index would not stop at a pair that ends the range, so
 * `searched` rows are read, and those past the end are left out.
 */
const ofCategory = (
  sql: SqlClient,
  schema: SchemaName,
  category: Fragment,
  rows: Rows
): Fragment => {
  const order = sql.literal(`category ${rows.order}, position ${rows.order}`)
  const of = sql.literal("split_part(stream_id, '-', 1)")
  const forward = rows.order === "ASC"
  const [first, last] = forward ? [rows.lowest, rows.highest] : [rows.highest, rows.lowest]
  const [from, to] = forward
    ? [sql.literal(">="), sql.literal("<=")]
    : [sql.literal("<="), sql.literal(">=")]
  const begin = sql`(${of}, position) ${from} (${category}, ${PgTypes.int8(first)})`
  return sql`
    SELECT ${sql.literal(rows.columns)}, category
    FROM (
      SELECT ${of} AS category, ${sql.literal(COLUMNS)} FROM ${sql(`${schema}.events`)}
      WHERE ${begin} AND ${begin} AND ${begin} AND ${of} ${to} ${category}
      ORDER BY ${of} ${sql.literal(rows.order)}, position ${sql.literal(rows.order)}
      LIMIT ${PgTypes.int4(rows.searched)}
    ) AS searched
    WHERE position ${to} ${PgTypes.int8(last)} ${ofTypes(sql, schema, rows.types)}
    ORDER BY ${order} LIMIT ${PgTypes.int4(rows.limit)}`
}

/**
 * The category as a subquery, whose value the planner does not see: the plan is the same for all
 * values.
 */
const hidden = (sql: SqlClient, category: string): Fragment =>
  sql`(SELECT ${PgTypes.text(category)}::text)`

/** A condition on types. A passed-over event has lost its type to its readers. */
export const ofTypes = (
  sql: SqlClient,
  schema: SchemaName,
  types: ReadonlyArray<string> | undefined
): Fragment =>
  types === undefined
    ? sql.literal("")
    : sql`AND type = ANY(${textArray(types)}) AND NOT (${sql.literal(isPassedOver(schema))})`

/**
 * Reads matching events between two positions, both included, as many as fit in a page; for one
 * reader, which continues from its last page.
 */
export const readLog = (sql: SqlClient, schema: SchemaName, { categories, types }: LogFilter) => {
  const names = distinct(categories)
  // The part of a page that one category may have: 1.5 times an equal part at first, then 1.25
  // times the part of the busiest category.
  let part = 1.5 / Math.max(1, names?.length ?? 0)
  return (
    lowest: bigint,
    highest: bigint,
    order: Order,
    { bytes, rows }: PageSize
  ): Effect.Effect<EventPage, SqlError> => {
    const share = Math.min(rows, Math.max(LEAST_SHARE, Math.ceil(rows * part)))
    const { found, key } = pageOf(sql, schema, names, share, {
      columns: COLUMNS,
      lowest,
      highest,
      order,
      types,
      searched: types === undefined ? rows : SEARCHED_ROWS + 1,
      limit: rows
    })
    const along = sql.literal(key.map((column) => `${column} ${order}`).join(", "))
    return Effect.map(
      sql`
        SELECT ${sql.literal(PAGE_COLUMNS)}, stream_id
        FROM (
          SELECT ${sql.literal([...key.slice(0, -1), sizedColumns(schema)].join(", "))}, ${PgTypes.int4(bytes)}::integer AS most
          FROM ${found} AS found
        ) AS page
        ORDER BY ${along}`.values,
      (found) => {
        // The rows have the columns that are asked for.
        const page = eventPage(found as ReadonlyArray<PageRow>)
        if (names === undefined || names.length < 2) return page
        const { busiest, events } = upToShare(page.events, share)
        if (events.length >= LEAST_SHARE) part = (busiest * 1.25) / events.length
        return { ...page, events, cut: page.cut || busiest === share }
      }
    )
  }
}

/**
 * The rows that a page is taken from, and the columns of its order; the last of these is the
 * position.
 */
const pageOf = (
  sql: SqlClient,
  schema: SchemaName,
  categories: ReadonlyArray<string> | undefined,
  share: number,
  rows: Rows
): { readonly found: Fragment; readonly key: Arr.NonEmptyReadonlyArray<string> } => {
  if (categories === undefined) {
    return { found: sql`(${ofLog(sql, schema, rows)})`, key: ["position"] }
  }
  const [category, ...more] = categories
  if (category !== undefined && more.length === 0) {
    const found = ofCategory(sql, schema, hidden(sql, category), rows)
    return { found: sql`(${found})`, key: ["category", "position"] }
  }
  const searched = rows.types === undefined ? share : rows.searched
  const each = ofCategory(sql, schema, sql.literal("c.name"), { ...rows, searched, limit: share })
  const found = sql`
    (SELECT matching.* FROM pg_catalog.unnest(${textArray(categories)}) AS c(name)
    CROSS JOIN LATERAL (${each}) AS matching
    ORDER BY position ${sql.literal(rows.order)} LIMIT ${PgTypes.int4(rows.limit)})`
  return { found, key: ["position"] }
}

/** The fewest rows of a category that are worth a statement. */
const LEAST_SHARE = 32

/**
 * Returns the events up to the place where the first category has used up its share of a page, and
 * the number of events of the busiest category until there.
 *
 * Each of several categories is asked for a share, since a whole page of each would be read and
 * sorted for one page in total. More events of a category may follow after its share, before those
 * of the others that were read. The server could find that place with a window over all rows, which
 * it copies: such a page takes twice as long.
 */
const upToShare = (
  events: ReadonlyArray<RecordedEvent>,
  share: number
): { readonly events: ReadonlyArray<RecordedEvent>; readonly busiest: number } => {
  const counts = new Map<string, number>()
  let busiest = 0
  for (const [index, { streamId }] of events.entries()) {
    const category = StreamId.category(streamId)
    const count = (counts.get(category) ?? 0) + 1
    counts.set(category, count)
    busiest = Math.max(busiest, count)
    if (count === share) return { events: events.slice(0, index + 1), busiest }
  }
  return { events, busiest }
}

/**
 * Finds the end of a piece of the log, of which at most {@link SEARCHED_ROWS} rows a category are
 * scanned.
 */
export type EndOfPiece = (
  lowest: Position,
  highest: Position,
  order: Order
) => Effect.Effect<Position, SqlError>

/**
 * For one reader, which continues from its last page: a piece is read in several pages, and its end
 * is looked up once.
 */
export const endOfPiece = (
  sql: SqlClient,
  schema: SchemaName,
  { categories, types }: LogFilter
): EndOfPiece => {
  let known: Position | undefined
  return Effect.fnUntraced(function* (lowest, highest, order) {
    const end = order === "ASC" ? highest : lowest
    // Without types an index leads to each row. With fewer positions than the limit there can't be
    // more rows.
    if (types === undefined || highest - lowest < SEARCHED_ROWS) return end
    if (known !== undefined && known >= lowest && known <= highest) return known
    const ends = yield* Effect.forEach(distinct(categories) ?? [undefined], (category) =>
      positionAfterRows(sql, schema, category, lowest, highest, order)
    )
    // The nearest of the ends: no category has more rows up to there.
    let nearest = end
    for (const { position } of ends) {
      if (position !== null && (order === "ASC" ? position < nearest : position > nearest)) {
        nearest = position
      }
    }
    known = nearest
    return known
  })
}

/**
 * The position of the row {@link SEARCHED_ROWS} places after the first in the range; null when the
 * range is shorter.
 */
const positionAfterRows = (
  sql: SqlClient,
  schema: SchemaName,
  category: string | undefined,
  lowest: bigint,
  highest: bigint,
  order: Order
): Effect.Effect<{ readonly position: Position | null }, SqlError> => {
  const limit = SEARCHED_ROWS + 1
  const types = undefined
  const rows = { columns: "position", lowest, highest, order, types, searched: limit, limit }
  return Effect.map(
    sql<{ readonly position: Position | null }>`
      SELECT CASE WHEN count(*) = ${PgTypes.int4(limit)}
        THEN ${sql.literal(order === "ASC" ? "max" : "min")}(position) END AS position
      FROM (${rowsOf(sql, schema, category, rows)}) AS searched`,
    (found) => Arr.getUnsafe(found, 0)
  )
}

/** Counts rows of a category, or of all, and finds the earliest time of recording. */
export const count = (
  sql: SqlClient,
  schema: SchemaName,
  category: string | undefined,
  rows: Omit<Rows, "columns" | "order">
): Effect.Effect<Counted, SqlError> =>
  Effect.map(
    sql<{ readonly events: bigint; readonly since: Date | null }>`
      SELECT count(*) AS events, min(recorded_at) AS since
      FROM (${rowsOf(sql, schema, category, { ...rows, columns: "recorded_at", order: "ASC" })}) AS counted`,
    (found) => {
      const { events, since } = Arr.getUnsafe(found, 0)
      return { events: Number(events), since: since?.getTime() }
    }
  )

const rowsOf = (
  sql: SqlClient,
  schema: SchemaName,
  category: string | undefined,
  rows: Rows
): Fragment =>
  category === undefined
    ? ofLog(sql, schema, rows)
    : ofCategory(sql, schema, hidden(sql, category), rows)

/** Returns each category once: an event has only one. */
export const distinct = (categories: LogFilter["categories"]): ReadonlyArray<string> | undefined =>
  categories && [...new Set<string>(categories)]

const textArray = (values: ReadonlyArray<string>) =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text))
