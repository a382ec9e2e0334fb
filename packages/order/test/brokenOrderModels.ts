/**
 * Read models with common mistakes: the model of `orderModels.ts` must catch each.
 */
import * as EventId from "@daybook/kernel/EventId"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"

type OrderProjection<Key, Row> = Projection.Projection<OrderEvent, Key, Row>

/** A projection that folds an event other than the one that happened, or none. */
const mistaking = <Key extends object, Row extends object>(
  projection: OrderProjection<Key, Row>,
  mistake: (event: OrderEvent) => OrderEvent | undefined
): OrderProjection<Key, Row> => ({
  ...projection,
  keys: (event, recorded) => projection.keys(event, recorded),
  apply: (row, event, applied) => {
    const mistaken = mistake(event)
    return mistaken === undefined ? row : projection.apply(row, mistaken, applied)
  }
})

/** A projection whose rows are spoiled after each event. */
const spoiling = <Key extends object, Row extends object>(
  projection: OrderProjection<Key, Row>,
  spoil: (
    after: Row,
    before: Row | undefined,
    event: OrderEvent,
    at: RecordedEvent["occurredAt"]
  ) => Row
): OrderProjection<Key, Row> => ({
  ...projection,
  keys: (event, recorded) => projection.keys(event, recorded),
  apply: (row, event, applied) => {
    const after = projection.apply(row, event, applied)
    return after === undefined ? undefined : spoil(after, row, event, applied.recorded.occurredAt)
  }
})

/** The textbook bug: a removal takes off one item, whatever its quantity. */
const countsOneItem = <Key extends object, Row extends object>(
  projection: OrderProjection<Key, Row>
) =>
  mistaking(projection, (event) =>
    event._tag === "ItemRemoved" ? { ...event, quantity: 1 } : event
  )

const forgets = <Key extends object, Row extends object>(
  projection: OrderProjection<Key, Row>,
  tag: OrderEvent["_tag"]
) => mistaking(projection, (event) => (event._tag === tag ? undefined : event))

export const brokenModels: ReadonlyArray<readonly [what: string, projection: Projection.Any]> = [
  ["a removal that counts one item", countsOneItem(OrderSummary.projection)],
  ["a cancellation that is forgotten", forgets(OrderSummary.projection, "OrderCancelled")],
  ["a removal that is forgotten", forgets(OrderSummary.projection, "ItemRemoved")],
  [
    "an update that is dated by the first event",
    spoiling(OrderSummary.projection, (after, before) => ({
      ...after,
      updatedAt: before === undefined ? after.updatedAt : before.createdAt
    }))
  ],
  [
    "a total of one line for all prices of a product",
    mistaking(OrderSummary.projection, (event) =>
      event._tag === "ItemRemoved" ? { _tag: "ProductRemoved", productId: event.productId } : event
    )
  ],
  ["revenue of what was removed one by one", countsOneItem(CustomerOrders.projection)],
  [
    "a shipment that is missing from its customer's row",
    forgets(CustomerOrders.projection, "OrderShipped")
  ],
  [
    "a cancelled order without its reason",
    spoiling(CustomerOrders.projection, (after) => ({ ...after, cancelReason: null }))
  ],
  ["demand of which a removal took one", countsOneItem(ProductDemand.projection)],
  ["demand that knows no removals", forgets(ProductDemand.projection, "ItemRemoved")],
  [
    "a name that is lost with the next event",
    spoiling(ProductDemand.projection, (after) => ({ ...after, name: "", namedAt: null }))
  ],
  [
    "a first address that counts as a change",
    spoiling(AddressChanges.projection, (after) => ({
      ...after,
      changes: after.addresses.length
    }))
  ],
  [
    "old addresses that are lost",
    spoiling(AddressChanges.projection, (after) => ({ ...after, addresses: [] }))
  ],
  [
    "removals of an order in one row",
    {
      ...RemovedItems.projection,
      keys: () => [{ eventId: EventId.make("00000000-0000-4000-8000-000000000001") }]
    }
  ],
  [
    "a removal without its actor",
    spoiling(RemovedItems.projection, (after) => ({ ...after, removedBy: null }))
  ]
]

/** Demand under the product name that was recorded last: it depends on the order of the log. */
export const namedByTheLast = spoiling(ProductDemand.projection, (after, _, event, at) =>
  event._tag === "ItemAdded" && event.name !== ""
    ? { ...after, name: event.name, namedAt: at }
    : after
)

/** An order that takes an address whatever its status. */
export const takesAnyAddress = spoiling(OrderSummary.projection, (after, _, event) =>
  event._tag === "ShippingAddressUpdated" ? { ...after, hasAddress: true } : after
)

/** Rows that their schema does not allow. */
export const countsInFractions = spoiling(OrderSummary.projection, (after) => ({
  ...after,
  itemCount: 0.5
}))
