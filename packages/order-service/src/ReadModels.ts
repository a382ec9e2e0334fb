/**
 * The read models of the shop, and a host that keeps them.
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
 * All of them.
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
 * Keeps them beside the log.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Projections.layer({ async: all })

/**
 * Waits until all hold what is recorded now, however long that takes.
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
 * Builds one anew beside what serves, which it must be equal to, drops the rows that served before, and gives how many
 * events were folded.
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
