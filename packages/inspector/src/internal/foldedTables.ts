/**
 * Tables of read models as of a point of the log, folded on demand and kept for a while, so that a
 * person can page, filter and compare them.
 *
 * A kept table is never out of date: one as of a position holds only settled events, and one as of
 * an instant is folded again if an event with such a time was settled since. It is the same for all
 * callers, whose rights decide what is answered from it.
 */
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import type { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Cache from "effect/Cache"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { begin, bounded, type Bounds } from "./boundedStore.ts"

/** The most tables that are kept, their rows together, and how long a table is kept. */
const KEPT = 4
const KEPT_ROWS = 500_000
const KEPT_MILLIS = 120_000

/** A table as of an instant is folded again after so many events rather than checked. */
const MAX_CHECKED = 10_000

export class FoldTooLong extends Data.TaggedError("FoldTooLong")<{ readonly events: number }> {}

export interface FoldedTable {
  /** The rows by the text of their key. */
  readonly rows: ReadonlyMap<string, StoredRow>
  /** The settled position up to which they hold the events as of the point. */
  readonly position: Position.Position
}

export interface FoldedTables {
  readonly get: (
    projection: Projection.Any,
    at: OnDemandProjection.At
  ) => Effect.Effect<FoldedTable, OnDemandProjection.OnDemandError | FoldTooLong>
}

/** Points are equal by their values. */
interface Point {
  readonly name: string
  readonly at: OnDemandProjection.At
  /** The positions of the skipped events: a skip changes the table. */
  readonly skipped: string
}

export const make = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  rows: ReadModelStore["Service"],
  projections: ReadonlyMap<string, Projection.Any>,
  bounds: Bounds
) {
  // One fold at a time: each may hold a whole table in memory.
  const alone = yield* Semaphore.make(1)
  const fold = Effect.fnUntraced(function* ({ at, name }: Point) {
    // Only names of these projections are asked for, see `get`.
    const projection = yield* Effect.orDie(
      Effect.fromOption(Option.fromUndefinedOr(projections.get(name)))
    )
    const position = "position" in at ? at.position : yield* store.head
    const settled = { ...store, readAll: upTo(store, position) }
    const spent = yield* begin
    const [folded, { ended }] = yield* bounded(
      settled,
      bounds,
      spent,
      OnDemandProjection.storedTableAt(projection, at)
    ).pipe(Effect.provideService(ReadModelStore, rows))
    if (ended) return yield* new FoldTooLong({ events: spent.events })
    return { rows: folded, position }
  })
  const cache = yield* Cache.makeWith(
    (point: Point) => Semaphore.withPermits(alone, 1)(fold(point)),
    { capacity: KEPT, timeToLive: (exit) => (Exit.isSuccess(exit) ? KEPT_MILLIS : 0) }
  )

  const pointOf = Effect.fnUntraced(function* (
    { name, version }: Projection.Any,
    at: OnDemandProjection.At
  ): Effect.fn.Return<Point, EventStoreError | ReadModelStoreError> {
    const skipped = (yield* rows.skipped(name))
      .filter((one) => one.version === version)
      .map(({ position }) => position)
      .join()
    if (!("position" in at)) return { name, at, skipped }
    // Events up to a later position may still come: the table is as of the settled one.
    const head = yield* store.head
    return { name, at: { position: at.position < head ? at.position : head }, skipped }
  })

  /** Returns the table if no event that was settled since belongs to it. */
  const current = Effect.fnUntraced(function* (
    { from }: Projection.Any,
    at: OnDemandProjection.At,
    table: FoldedTable
  ): Effect.fn.Return<FoldedTable | undefined, EventStoreError> {
    const belongs = belongsTo(at)
    if (belongs === undefined) return table
    const head = yield* store.head
    if (head <= table.position) return table
    let left = MAX_CHECKED
    const isStale = yield* store
      .readAll({
        after: table.position,
        upTo: head,
        categories: from.map(({ category }) => category),
        limit: MAX_CHECKED
      })
      .pipe(
        Stream.filter((event) => {
          left -= 1
          return belongs(event) || left === 0
        }),
        Stream.runHead,
        Effect.map(Option.isSome),
        Effect.catchTag("InvalidReadOption", Effect.die)
      )
    return isStale ? undefined : { rows: table.rows, position: head }
  })

  /** Keeps the tables that were used last, as far as their rows are few enough together. */
  const trim = Effect.gen(function* () {
    const tables = Array.from(yield* Cache.entries(cache))
    let kept = tables.reduce((sum, [, table]) => sum + table.rows.size, 0)
    for (const [point, table] of tables.slice(0, -1)) {
      if (kept <= KEPT_ROWS) return
      kept -= table.rows.size
      yield* Cache.invalidate(cache, point)
    }
  })

  const tables: FoldedTables = {
    get: Effect.fnUntraced(function* (projection, at) {
      const point = yield* pointOf(projection, at)
      const kept = Option.getOrUndefined(yield* Cache.getOption(cache, point))
      if (kept !== undefined) {
        const table = yield* current(projection, at, kept)
        // The next request checks only what is settled from here on.
        if (table !== undefined && table !== kept) yield* Cache.set(cache, point, table)
        if (table !== undefined) return table
        yield* Cache.invalidate(cache, point)
      }
      const table = yield* Cache.get(cache, point)
      yield* trim
      return table
    })
  }
  return tables
})

/** Reads the log only up to a position, whatever is settled meanwhile. */
const upTo =
  (store: EventStore["Service"], position: Position.Position): EventStore["Service"]["readAll"] =>
  (options) =>
    store.readAll({ ...options, upTo: options?.upTo ?? position })

/** Returns the test of an event that may belong to a table as of an instant. */
const belongsTo = (at: OnDemandProjection.At): ((event: RecordedEvent) => boolean) | undefined => {
  if ("position" in at) return undefined
  const field = at.occurredAt === undefined ? "recordedAt" : "occurredAt"
  const instant = DateTime.toEpochMillis(at.occurredAt ?? at.recordedAt)
  return (event) => DateTime.toEpochMillis(event[field]) <= instant
}
