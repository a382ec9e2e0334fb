/**
 * A shop whose products are an inline read model: events of several streams touch the same row, and
 * their order matters.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { type Append, EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { LEASE } from "./shelf.ts"
import { aggregateOf, products, takings } from "./Till.ts"

export const fresh = () => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const till = aggregateOf(`till_${id}`)
  return {
    till,
    products: products(till, `products_${id}`),
    takings: takings(till, `takings_${id}`)
  }
}

type Till = ReturnType<typeof aggregateOf>
type Products = ReturnType<typeof products>

export const sold = (product: string, cents: number): NewEvent => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Sold",
  schemaVersion: 1,
  data: { product, cents },
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

/** An append to the till of an id. */
export const appendTo = (
  till: Till,
  id: string,
  events: Arr.NonEmptyReadonlyArray<NewEvent>,
  expected: ExpectedRevision.ExpectedRevision = ExpectedRevision.any
): Append => ({
  streamId: Result.getOrThrow(StreamId.fromString(`${till.category}-${id}`)),
  expected,
  events
})

/** Sells on a stream of the provided event store. */
export const sell = Effect.fnUntraced(function* (
  till: Till,
  id: string,
  events: Arr.NonEmptyReadonlyArray<NewEvent>
) {
  return yield* (yield* EventStore).append(appendTo(till, id, events))
})

/** Makes a read model inline, as it is, and returns its table. */
export const makeInline = Effect.fnUntraced(function* (projection: Projection.Any) {
  const store = yield* ReadModelStore
  const table: ReadModelTable.Any = yield* Effect.fromResult(ReadModelTable.make(projection))
  const { serving } = yield* store.open(table)
  const claim = Option.getOrThrow(yield* store.claim(serving, "a host", LEASE))
  yield* store.makeInline(claim, Effect.void)
  return table
})

/** Builds the event store of a host that maintains inline read models. */
export const hostOf = (...projections: ReadonlyArray<Projection.Any>) =>
  Effect.map(Layer.build(Layer.fresh(Projections.layerAppends(projections))), (context) =>
    Context.get(context, EventStore)
  )

/** Makes a read model inline, and returns its table and the event store that maintains it. */
export const keptBy = Effect.fnUntraced(function* (projection: Products) {
  const table = yield* makeInline(projection)
  return { table, events: yield* hostOf(projection) }
})

export const rows = (projection: Products) => Stream.runCollect(ReadModel.query(projection))

/** Folds the same rows from the log, ordered by product. */
export const folded = (projection: Products) =>
  Effect.map(OnDemandProjection.tableAt(projection), (rows) =>
    rows.toSorted((a, b) => (a.product < b.product ? -1 : 1))
  )
