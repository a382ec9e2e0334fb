/**
 * The read models of the shop, and a host that maintains them.
 *
 * @since 0.1.0
 */
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import type * as Projection from "@daybook/kernel/Projection"
import { Projections } from "@daybook/projections/Projections"
import { EventStore } from "@daybook/store/EventStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * All read models of the shop.
 *
 * @category constants
 * @since 0.1.0
 */
export const all: ReadonlyArray<Projection.Any> = [
  OrderSummary.projection,
  CustomerOrders.projection,
  ProductDemand.projection,
  AddressChanges.projection,
  RemovedItems.projection
]

/**
 * Maintains the read models asynchronously, after the log.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Projections.layer({ async: all })

/**
 * Waits without a timeout until all read models include every event recorded now.
 *
 * @category operations
 * @since 0.1.0
 */
export const caughtUp = Effect.gen(function* () {
  const projections = yield* Projections
  const store = yield* EventStore
  const head = yield* store.head
  yield* Effect.forEach(all, ({ name }) => projections.waitFor(name, head, Duration.infinity), {
    discard: true
  })
})

/**
 * Rebuilds a read model beside the serving rows, which it must equal, drops the retired rows, and
 * returns the number of events folded.
 *
 * @category operations
 * @since 0.1.0
 */
export const rebuild = Effect.fnUntraced(function* (
  name: string,
  onProgress: (fraction: number) => Effect.Effect<void> = () => Effect.void
) {
  const projections = yield* Projections
  yield* Stream.runForEach(projections.rebuild(name), ({ fraction }) => onProgress(fraction))
  const generations = yield* projections.generations(name)
  yield* Effect.forEach(
    generations.filter(({ role }) => role === "retired"),
    ({ generation }) => projections.drop(name, generation),
    { discard: true }
  )
  return (yield* projections.status(name)).events
})
