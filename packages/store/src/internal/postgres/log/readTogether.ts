/**
 * The first pages of streams. A page that finds no other one under way is read at once; those that
 * arrive meanwhile are read together by the next statement.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"
import * as Batcher from "../../batch/batcher.ts"
import type { PageSize } from "./pageSize.ts"
import { type EventPage, eventPage, PAGE_COLUMNS, type PageRow, sizedColumns } from "./eventPage.ts"
import { inTransaction } from "../../../sql/Transaction.ts"

/**
 * A range of a stream's events: from the revision `lowest` up to `highest`, the first of them that
 * fit in `size`.
 */
interface PageRange {
  readonly streamId: StreamId
  readonly lowest: number
  readonly highest: number
  readonly size: PageSize
}

/** Reads a page, in the order of the revisions. */
export type ReadTogether = (range: PageRange) => Effect.Effect<EventPage, SqlError>

/** A range, and its caller. */
interface Asked {
  readonly range: PageRange
  /** True if its caller has gone; then `onGone` is called. */
  isGone: boolean
  onGone: () => void
}

/** Ends a call when all its callers have gone, so that it frees its connection. */
const whileWanted = <A, E>(
  asked: ReadonlyArray<Asked>,
  call: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.raceFirst(
    call,
    Effect.callback<never>((resume) => {
      const look = () => {
        if (asked.every(({ isGone }) => isGone)) resume(Effect.interrupt)
      }
      for (const one of asked) one.onGone = look
      look()
    })
  )

/** The number of statements under way at once: the server works on one while the host does. */
const LANES = 2

/**
 * The time that reads wait for a statement under way. One that is not answered, as on a dead
 * connection, must not hold up others.
 */
const PATIENCE = Duration.seconds(1)

/** The most streams that one statement reads; the rows of all of them are in memory at once. */
const MAX_STREAMS = 64

/** The most rows of a stream that are read together with those of other streams. */
export const MAX_ROWS_TOGETHER = 128

/**
 * The most bytes of such a row: rows that are read together have 64 MiB at most, and usually far
 * less.
 */
const MAX_BYTES_TOGETHER = 8_192

export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName
): Effect.fn.Return<ReadTogether, never, Scope.Scope> {
  const rows = (where: string, limit: string, most: string) =>
    `SELECT ${PAGE_COLUMNS}
    FROM (
      SELECT ${sizedColumns(schema)}, ${most} AS most FROM "${schema}".events
      WHERE ${where} ORDER BY revision LIMIT ${limit}
    ) AS page`

  // The texts are constant for a log; building them would take longer than running them.
  const oneStream = `
    ${rows("stream_id = $1 AND revision BETWEEN $2 AND $3", "$4", "$5::integer")}
    ORDER BY revision`
  const severalStreams = `
    SELECT e.*, r.place
    FROM unnest($1, $2, $3, $4, $5)
      WITH ORDINALITY AS r(stream_id, lowest, highest, size, bytes, place)
    CROSS JOIN LATERAL (
      ${rows("stream_id = r.stream_id AND revision BETWEEN r.lowest AND r.highest", "r.size", "r.bytes")}
    ) e
    ORDER BY r.place, e.revision`

  const one = ({
    highest,
    lowest,
    size,
    streamId
  }: PageRange): Effect.Effect<EventPage, SqlError> =>
    Effect.map(
      sql.unsafe(oneStream, [
        streamId,
        PgTypes.int4(lowest),
        PgTypes.int4(highest),
        PgTypes.int4(size.rows),
        PgTypes.int4(size.bytes)
      ]).values,
      // The rows have the columns that are asked for.
      (found) => eventPage(found as ReadonlyArray<PageRow>, streamId)
    )

  const several = (ranges: Arr.NonEmptyReadonlyArray<PageRange>) => {
    const { OID } = PgTypes
    const column = (oid: number, of: (range: PageRange) => unknown) =>
      // Text and integers have array types.
      Result.getOrThrow(PgTypes.array(ranges.map(of), oid))
    return Effect.map(
      sql.unsafe(severalStreams, [
        column(OID.text, ({ streamId }) => streamId),
        column(OID.int4, ({ lowest }) => lowest),
        column(OID.int4, ({ highest }) => highest),
        column(OID.int4, ({ size }) => size.rows),
        column(OID.int4, ({ size }) => Math.min(size.bytes, MAX_BYTES_TOGETHER))
      ]).values,
      (found) => {
        const rowsOf = ranges.map((): Array<PageRow> => [])
        // As above, followed by the place of the range.
        for (const row of found as ReadonlyArray<readonly [...Required<PageRow>]>) {
          rowsOf[Number(row[11]) - 1]?.push(row)
        }
        return ranges.map(({ streamId }, index) => eventPage(rowsOf[index] ?? [], streamId))
      }
    )
  }

  const lanes = yield* Batcher.make<StreamId, Asked, EventPage, SqlError>({
    call: (asked) => {
      const [first, ...others] = Arr.map(asked, ({ range }) => range)
      return whileWanted(
        asked,
        others.length === 0
          ? Effect.map(one(first), (page) => [Exit.succeed(page)])
          : Effect.map(several([first, ...others]), Arr.map(Exit.succeed))
      )
    },
    fitting: () => {
      let streams = 0
      return () => ++streams <= MAX_STREAMS
    },
    // A lost connection or a row that the client can't decode fails all of them alike.
    isOneItemsFault: () => false,
    keep: (asked) => {
      asked.isGone = true
      asked.onGone()
      return () => {}
    },
    lanes: LANES,
    patience: PATIENCE
  })

  return (range) =>
    // Reads inside the caller's transaction stay on its connection.
    Effect.flatMap(inTransaction(sql), (inside) => {
      const { largest, rows } = range.size
      const alone = one(range)
      return inside || rows > MAX_ROWS_TOGETHER || largest > MAX_BYTES_TOGETHER
        ? alone
        : lanes.runOrSubmit(range.streamId, { range, isGone: false, onGone: () => {} }, alone)
    })
})
