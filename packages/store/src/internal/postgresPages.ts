/**
 * The first pages of streams, read together when several are asked for at once.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"
import { COLUMNS, type EventRow } from "./postgresRow.ts"
import { inTransaction } from "./savepoint.ts"

/** Events of a stream from the revision `lowest` up to `highest`, the first `size` of them. */
interface PageRange {
  readonly streamId: StreamId
  readonly lowest: number
  readonly highest: number
  readonly size: number
}

/** Reads a page; its rows are in the order of their revisions. */
export type ReadPage = (range: PageRange) => Effect.Effect<ReadonlyArray<EventRow>, SqlError>

class PageRequest extends Request.Class<PageRange, ReadonlyArray<EventRow>, SqlError> {
  /** Whether its caller has gone, and who wants to know. */
  gone = false
  onGone = () => {}
}

/** Ends a call that nobody waits for any more, so that it keeps no connection. */
const whileWanted = <A, E>(
  requests: ReadonlyArray<PageRequest>,
  call: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.raceFirst(
    call,
    Effect.callback<never>((resume) => {
      const look = () => {
        if (requests.every(({ gone }) => gone)) resume(Effect.interrupt)
      }
      for (const request of requests) request.onGone = look
      look()
    })
  )

/** How many streams are read in one statement at most, whose rows are in memory at once. */
const MAX_STREAMS = 64

/** How many rows of a stream are read together with those of others at most. */
export const MAX_ROWS_TOGETHER = 128

export const make = (sql: SqlClient, schema: SchemaName): ReadPage => {
  const one = ({ highest, lowest, size, streamId }: PageRange) =>
    sql<EventRow>`
      SELECT ${sql.literal(COLUMNS)} FROM ${sql(`${schema}.events`)}
      WHERE stream_id = ${streamId}
        AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)}
      ORDER BY revision LIMIT ${PgTypes.int4(size)}`

  const several = (ranges: Arr.NonEmptyReadonlyArray<PageRange>) => {
    const { OID } = PgTypes
    const column = (oid: number, of: (range: PageRange) => unknown) =>
      // Text and integers have array types.
      Result.getOrThrow(PgTypes.array(ranges.map(of), oid))
    return sql<EventRow & { readonly place: bigint }>`
      SELECT r.place, e.*
      FROM unnest(${column(OID.text, ({ streamId }) => streamId)},
        ${column(OID.int4, ({ lowest }) => lowest)}, ${column(OID.int4, ({ highest }) => highest)},
        ${column(OID.int4, ({ size }) => size)})
        WITH ORDINALITY AS r(stream_id, lowest, highest, size, place)
      CROSS JOIN LATERAL (
        SELECT ${sql.literal(COLUMNS)} FROM ${sql(`${schema}.events`)}
        WHERE stream_id = r.stream_id AND revision BETWEEN r.lowest AND r.highest
        ORDER BY revision LIMIT r.size
      ) e
      ORDER BY r.place, e.revision`
  }

  const resolver = RequestResolver.make<PageRequest>((entries) => {
    const requests = Arr.map(entries, (entry) => entry.request)
    if (entries.length === 1) {
      return Effect.map(whileWanted(requests, one(requests[0])), (rows) =>
        entries[0].completeUnsafe(Exit.succeed(rows))
      )
    }
    return Effect.map(whileWanted(requests, several(requests)), (rows) => {
      const pages = entries.map((): Array<EventRow> => [])
      for (const row of rows) pages[Number(row.place) - 1]?.push(row)
      entries.forEach((entry, index) => entry.completeUnsafe(Exit.succeed(pages[index] ?? [])))
    })
  }).pipe(RequestResolver.batchN(MAX_STREAMS))

  return (range) =>
    // What is read in a transaction of the caller is read in it.
    Effect.flatMap(inTransaction(sql), (inside) => {
      if (inside || range.size > MAX_ROWS_TOGETHER) return one(range)
      const request = new PageRequest(range)
      return Effect.onInterrupt(Effect.request(request, resolver), () =>
        Effect.sync(() => {
          request.gone = true
          request.onGone()
        })
      )
    })
}
