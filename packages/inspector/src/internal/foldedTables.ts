/**
 * Tables of read models as of a point of the log, folded on demand and kept for a while, so that a
 * person can page, filter and compare them.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore } from "@daybook/store/EventStore"
import * as Cache from "effect/Cache"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { bounded, type Bounds } from "./boundedStore.ts"

/** The most tables that are kept, and for how long. */
const KEPT = 4
const KEPT_MILLIS = 120_000

export class FoldTooLong extends Data.TaggedError("FoldTooLong")<{ readonly events: number }> {}

export interface FoldedTables {
  readonly get: (
    projection: Projection.Any,
    at: OnDemandProjection.At
  ) => Effect.Effect<ReadonlyMap<string, StoredRow>, OnDemandProjection.OnDemandError | FoldTooLong>
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
    const table = yield* Effect.fromResult(ReadModelTable.make(projection))
    const [folded, { ended, events }] = yield* bounded(store, bounds, () =>
      OnDemandProjection.tableAt(projection, at)
    ).pipe(Effect.provideService(ReadModelStore, rows))
    if (ended) return yield* new FoldTooLong({ events })
    // The fold has just made the rows, and checked that they have a stored form.
    const stored = folded.map((row) => Result.getOrThrow(table.encode(row)))
    return new Map(stored.map((row) => [table.keyText(row), row]))
  })
  const cache = yield* Cache.makeWith(
    (point: Point) => Semaphore.withPermits(alone, 1)(fold(point)),
    { capacity: KEPT, timeToLive: (exit) => (Exit.isSuccess(exit) ? KEPT_MILLIS : 0) }
  )
  const tables: FoldedTables = { get: ({ name }, at) => Cache.get(cache, { name, at }) }
  return tables
})

/** Points are equal by their values. */
interface Point {
  readonly name: string
  readonly at: OnDemandProjection.At
}
