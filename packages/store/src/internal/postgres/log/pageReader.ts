/**
 * Reads the pages of one reader of a log in PostgreSQL, as large as the page before suggests.
 *
 * Each page is a statement of its own: neither a cursor nor a connection is held while the reader
 * works.
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type {
  LogFilter,
  Page,
  Range,
  ReadPage,
  StreamFilter
} from "../../../driver/EventStoreDriver.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { UnreadableEvent } from "../../../EventStore.ts"
import { endOfPiece, readLog } from "./readLog.ts"
import { advancing, type EventPage } from "./eventPage.ts"
import { PAGE_ROWS, type PageSize, pageSize } from "./pageSize.ts"
import { MAX_ROWS_TOGETHER, type ReadTogether } from "./readTogether.ts"
import { readRevisions, SEARCHED_REVISIONS } from "./stream.ts"

export const ofLog = (
  sql: SqlClient,
  schema: SchemaName,
  filter: LogFilter
): ReadPage<Position, SqlError | UnreadableEvent> =>
  reader<Position>({
    read: readLog(sql, schema, filter),
    piece: endOfPiece(sql, schema, filter),
    at: ({ position }) => position,
    firstRows: PAGE_ROWS
  })

export const ofStream = (
  sql: SqlClient,
  schema: SchemaName,
  readTogether: ReadTogether,
  filter: StreamFilter
): ReadPage<Revision, SqlError | UnreadableEvent> => {
  const { streamId, types } = filter
  const readRows = readRevisions(sql, schema, filter)
  return reader<Revision>({
    read: (lowest, highest, order, size) =>
      order === "ASC" && types === undefined
        ? readTogether({ streamId, lowest, highest, size })
        : readRows(lowest, highest, order, size),
    piece: (lowest, highest, order) => {
      const step = types === undefined ? Number.POSITIVE_INFINITY : SEARCHED_REVISIONS - 1
      const end =
        order === "ASC" ? Math.min(highest, lowest + step) : Math.max(lowest, highest - step)
      // Between two revisions, so the cast adds only the brand.
      return Effect.succeed(end as Revision)
    },
    at: ({ revision }) => revision,
    firstRows: MAX_ROWS_TOGETHER
  })
}

interface Reader<Place> {
  readonly read: (
    lowest: Place,
    highest: Place,
    order: "ASC" | "DESC",
    size: PageSize
  ) => Effect.Effect<EventPage, SqlError>
  /** Finds the end, in this order, of the part that one statement may search for matches. */
  readonly piece: (
    lowest: Place,
    highest: Place,
    order: "ASC" | "DESC"
  ) => Effect.Effect<Place, SqlError>
  readonly at: (event: RecordedEvent) => Place
  /** The most rows of the first page. */
  readonly firstRows: number
}

const reader = <Place>({
  at,
  firstRows,
  piece,
  read
}: Reader<Place>): ReadPage<Place, SqlError | UnreadableEvent> => {
  let rows = firstRows
  let largest = 0
  const readUpTo = (
    range: Range<Place>,
    end: Place
  ): Effect.Effect<Page<Place>, SqlError | UnreadableEvent> => {
    const isForward = range.direction === "forward"
    const size = pageSize(largest, Math.min(range.limit, rows))
    const reading = isForward
      ? read(range.lowest, end, "ASC", size)
      : read(end, range.highest, "DESC", size)
    return Effect.flatMap(reading, (page) =>
      Effect.flatMap(advancing(page, size), ({ cut, events }) => {
        largest = page.largest
        rows = PAGE_ROWS
        const last = events.at(-1)
        // The page holds all matching events up to its last one, or all of the piece.
        if (!cut && events.length < size.rows) return Effect.succeed({ events, readTo: end })
        if (last !== undefined) return Effect.succeed({ events, readTo: at(last) })
        // The first event is too large for this page, and fits in the next.
        return readUpTo(range, end)
      })
    )
  }
  return (range) =>
    Effect.flatMap(
      piece(range.lowest, range.highest, range.direction === "forward" ? "ASC" : "DESC"),
      (end) => readUpTo(range, end)
    )
}
