/**
 * Counts in PostgreSQL the events that a follower of the log, or of a stream, has still to read.
 */
import type { Position } from "@daybook/kernel/Position"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Counted, StreamFilter } from "../../../driver/EventStoreDriver.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { type BacklogOptions, MAX_BACKLOG } from "../../../Subscription.ts"
import { count, distinct, endOfPiece, ofTypes, SEARCHED_ROWS } from "./readLog.ts"
import { endOfStream, revisionAsOf, SEARCHED_REVISIONS } from "./stream.ts"

/** Counts the matching events up to `settled`, or up to the end of the stream. */
export const countBacklog = (
  sql: SqlClient,
  schema: SchemaName,
  { streamId, ...options }: BacklogOptions,
  settled: Position
): Effect.Effect<Counted, SqlError> =>
  streamId === undefined
    ? ofLog(sql, schema, settled, options)
    : ofStream(sql, schema, { ...options, streamId })

const plus = (one: Counted, other: Counted): Counted => {
  const instants = [one.since, other.since].filter((since) => since !== undefined)
  return {
    events: one.events + other.events,
    since: instants.length === 0 ? undefined : Math.min(...instants)
  }
}

const nothing: Counted = { events: 0, since: undefined }

/** Counts category by category, each along its index, and in pieces if types are asked for. */
const ofLog = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  settled: Position,
  { after, categories, types }: BacklogOptions
): Effect.fn.Return<Counted, SqlError> {
  const endOf = endOfPiece(sql, schema, { categories, types })
  let counted = nothing
  // The casts add only the brand.
  let lowest = ((after ?? 0n) + 1n) as Position
  while (lowest <= settled && counted.events < MAX_BACKLOG) {
    const highest = yield* endOf(lowest, settled, "ASC")
    const searched = types === undefined ? MAX_BACKLOG : SEARCHED_ROWS + 1
    const piece = { lowest, highest, types, searched, limit: MAX_BACKLOG }
    const counts = yield* Effect.forEach(distinct(categories) ?? [undefined], (category) =>
      count(sql, schema, category, piece)
    )
    counted = counts.reduce(plus, counted)
    lowest = (highest + 1n) as Position
  }
  return counted
})

const ofStream = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  { after, afterRevision, types, ...filter }: BacklogOptions & StreamFilter
): Effect.fn.Return<Counted, SqlError> {
  const { streamId } = filter
  const end = yield* endOfStream(sql, schema, streamId)
  if (end === undefined) return nothing
  const seen =
    after === undefined
      ? 0
      : yield* revisionAsOf(sql, schema, streamId, end.revision, {
          _tag: "Position",
          position: after
        })
  let counted = nothing
  let lowest = Math.max(seen, afterRevision ?? 0) + 1
  while (lowest <= end.revision && counted.events < MAX_BACKLOG) {
    const highest = Math.min(end.revision, lowest + SEARCHED_REVISIONS - 1)
    const rows = yield* sql<{ readonly events: bigint; readonly since: Date | null }>`
      SELECT count(*) AS events, min(recorded_at) AS since FROM (
        SELECT recorded_at FROM ${sql(`${schema}.events`)}
        WHERE stream_id = ${streamId}
          AND revision BETWEEN ${PgTypes.int4(lowest)} AND ${PgTypes.int4(highest)} ${ofTypes(sql, schema, types)}
        ORDER BY revision LIMIT ${PgTypes.int4(MAX_BACKLOG)}
      ) AS counted`
    const { events, since } = Arr.getUnsafe(rows, 0)
    counted = plus(counted, { events: Number(events), since: since?.getTime() })
    lowest = highest + 1
  }
  return counted
})
