/**
 * Reads a log in PostgreSQL page by page.
 *
 * Each page is a statement of its own: neither a cursor nor a connection is held while the reader
 * works.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { type EventAddress, MAX_REVISION } from "../../../EventStore.ts"
import type { ReadAllOptions, ReadOptions, Until } from "../../../ReadOptions.ts"
import { HeldBack, Patience } from "../../../PostgresLocks.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { eventsOf, openAppends } from "../locks/holders.ts"
import { APPENDER_LOCK, PLACES } from "../schema/shared.ts"
import type { UnreadableEvent } from "../../../UnreadableEvent.ts"
import { PAGE_ROWS, type PageSize, pageSize } from "../../driver/pageSize.ts"
import { endOfPiece, matchesNothing, readLog } from "./log.ts"
import { advancing, type EventPage } from "./page.ts"
import { MAX_ROWS_TOGETHER, type ReadPage } from "./pages.ts"
import { positionAt } from "./positionAt.ts"
import { eventAddress, type EventRow } from "./row.ts"
import {
  endOfStream,
  readRevisions,
  revisionOccurredAt,
  revisionRecordedAt,
  SEARCHED_REVISIONS
} from "./stream.ts"
import * as ReadAhead from "../../driver/readAhead.ts"
import * as Turns from "../locks/turns.ts"
import * as ServerTime from "../sql/serverTime.ts"
import { statement as readCommitted } from "../sql/readCommitted.ts"
import { inTransaction } from "../../../sql/Transaction.ts"

export const read = (
  sql: SqlClient,
  schema: SchemaName,
  readPage: ReadPage,
  streamId: StreamId,
  { direction, from, limit, to, types, until }: ReadOptions
): Stream.Stream<RecordedEvent, SqlError | UnreadableEvent> => {
  if (types?.length === 0) return Stream.empty
  const readRows = readRevisions(sql, schema, { streamId, types })
  const last =
    types === undefined || until !== undefined
      ? lastRevision(sql, schema, streamId, to ?? MAX_REVISION, until)
      : Effect.map(
          endOfStream(sql, schema, streamId, Math.min(to ?? MAX_REVISION, MAX_REVISION)),
          ({ revision }) => revision
        )
  return Stream.unwrap(
    Effect.map(last, (last) =>
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
          order === "ASC" && types === undefined
            ? readPage({ streamId, lowest, highest, size })
            : readRows(lowest, highest, order, size),
        piece: (lowest, highest, order) =>
          Effect.succeed(
            types === undefined
              ? order === "ASC"
                ? highest
                : lowest
              : order === "ASC"
                ? Math.min(highest, lowest + SEARCHED_REVISIONS - 1)
                : Math.max(lowest, highest - SEARCHED_REVISIONS + 1)
          )
      })
    )
  )
}

/**
 * Returns `to`, or the last present revision up to it before the first event that is later than the
 * instant.
 */
const lastRevision = (
  sql: SqlClient,
  schema: SchemaName,
  streamId: StreamId,
  to: number,
  until: Until | undefined
): Effect.Effect<number, SqlError> =>
  until === undefined
    ? Effect.succeed(to)
    : until.occurredAt === undefined
      ? revisionRecordedAt(sql, schema, streamId, to, DateTime.toEpochMillis(until.recordedAt))
      : revisionOccurredAt(sql, schema, streamId, to, DateTime.toEpochMillis(until.occurredAt))

export const readAll = (
  sql: SqlClient,
  schema: SchemaName,
  { after = Position.start, categories, direction, limit, recordedAt, types, upTo }: ReadAllOptions
): Stream.Stream<RecordedEvent, SqlError | HeldBack | UnreadableEvent> => {
  const filter = { categories, types }
  if (matchesNothing(filter)) return Stream.empty
  const at = (settled: bigint, instant: DateTime.Utc | undefined, otherwise: bigint) =>
    instant === undefined ? Effect.succeed(otherwise) : positionAt(sql, schema, settled, instant)
  return Stream.unwrap(
    Effect.gen(function* () {
      const settled = yield* settledPosition(sql, schema, upTo)
      const least = yield* at(settled, recordedAt?.after, after)
      const most = yield* at(settled, recordedAt?.upTo, settled)
      return pages({
        sql,
        lowest: (least > after ? least : after) + 1n,
        highest: upTo !== undefined && upTo < most ? upTo : most,
        after: (position, step) => position + BigInt(step),
        at: (event) => event.position,
        direction,
        limit,
        // The pages are read by later statements than the settled position: that is half of its
        // proof.
        read: readLog(sql, schema, filter),
        piece: endOfPiece(sql, schema, filter)
      })
    })
  )
}

/**
 * Waits until the log is settled up to its present newest append, or up to `upTo`, and returns the
 * settled position.
 *
 * Otherwise a reader that reads once would take the settled part for the whole log: for a log with
 * one append that is open, nothing. An append of the caller's own transaction can't be waited for:
 * then the present settled position is returned.
 */
export const settledPosition = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  upTo?: bigint
): Effect.fn.Return<bigint, SqlError | HeldBack> {
  const look = Effect.map(
    readCommitted(
      sql,
      // In this order: the newest append, then the open ones.
      sql<{ readonly newest: bigint; readonly settled: bigint }>`
        SELECT ${sql(`${schema}.newest_append`)}() * ${PgTypes.int8(PLACES)} AS newest,
          ${sql(`${schema}.settled_position`)}() AS settled`
    ),
    (rows) => Arr.getUnsafe(rows, 0)
  )
  const { newest, settled } = yield* look
  const needed = upTo !== undefined && upTo < newest ? upTo : newest
  if (settled >= needed) return settled
  if (yield* inTransaction(sql)) {
    const [own] = yield* sql<{ readonly is: boolean }>`
      SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid()
        AND l.locktype = 'relation' AND l.relation = ${eventsOf(sql, schema)}
        AND l.mode = ${APPENDER_LOCK}) AS is`
    if (own?.is === true) return settled
  }
  const { reads } = yield* Patience
  const isInside = yield* inTransaction(sql)
  const began = yield* ServerTime.now(sql)
  let waitedMillis = 0
  while (waitedMillis < Duration.toMillis(reads)) {
    const lookAndSleep = Effect.flatMap(look, ({ settled }) =>
      settled >= needed
        ? Effect.succeed({ settled, now: began })
        : Effect.map(ServerTime.sleep(sql, LOOK_PAUSE_MILLIS), (now) => ({ settled, now }))
    )
    // A transaction of the caller has its connection already, which the others may wait for.
    const { now, settled } = yield* isInside ? lookAndSleep : turnOf(sql)(lookAndSleep)
    if (settled >= needed) return settled
    waitedMillis = now - began
  }
  const holders = yield* openAppends(sql, schema)
  const last = yield* look
  if (last.settled >= needed) return last.settled
  return yield* new HeldBack({
    settled: Position.make(last.settled),
    newest: Position.make(needed),
    waitedMillis,
    holders
  })
})

/** The pause between two looks: about as long as an append takes. */
const LOOK_PAUSE_MILLIS = 3

/** One reader of a host looks and sleeps at a time, so that all of them take one connection. */
const turnOf = Turns.make(1)

/** Returns the addresses of the events with these ids. */
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
  /** Finds the end, in this order, of the part that one statement may search for matches. */
  readonly piece: (
    lowest: Place,
    highest: Place,
    order: "ASC" | "DESC"
  ) => Effect.Effect<Place, SqlError>
}

/** Reads pages along a key, from one end of the range to the other. */
const pages = <Place extends number | bigint>(
  options: Pages<Place>
): Stream.Stream<RecordedEvent, SqlError | UnreadableEvent> => {
  const { after, at, firstRows = PAGE_ROWS, limit = Number.MAX_SAFE_INTEGER } = options
  const { highest, lowest, piece, read, sql } = options
  const backward = options.direction === "backward"
  const order = backward ? "DESC" : "ASC"
  const start = { lowest, highest, left: limit, size: pageSize(0, Math.min(limit, firstRows)) }
  return ReadAhead.paginate(
    start,
    Effect.fnUntraced(function* ({ highest, left, lowest, size }) {
      if (left === 0 || lowest > highest) return [[], Option.none()] as const
      const end = yield* piece(lowest, highest, order)
      const page = backward
        ? yield* read(end, highest, order, size)
        : yield* read(lowest, end, order, size)
      const { cut, events, largest } = yield* advancing(page, size)
      // The page holds all matching events up to its last one, or all of the piece.
      const last = events.at(-1)
      const full = cut || events.length === size.rows
      const readTo = !full ? end : last === undefined ? undefined : at(last)
      if (!full && end === (backward ? lowest : highest)) return [events, Option.none()] as const
      const remaining = left - events.length
      const next = {
        lowest: backward || readTo === undefined ? lowest : after(readTo, 1),
        highest: backward && readTo !== undefined ? after(readTo, -1) : highest,
        left: remaining,
        size: pageSize(largest, Math.min(remaining, PAGE_ROWS))
      }
      return [events, Option.some(next)] as const
    }),
    {
      ready: ({ highest, left, lowest }) => left > 0 && lowest <= highest,
      alone: inTransaction(sql)
    }
  )
}
