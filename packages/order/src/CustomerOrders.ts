/**
 * The read model `customer_orders`: the orders of a customer, each with its value, its dates, and
 * its parcel.
 *
 * A row stands for an order, not for a customer: the row of an event follows from the event alone,
 * and only the first event of an order names the customer. A sum by customer, updated event by
 * event, could not know whose order was confirmed. The row of the order is exact, and an index
 * finds a customer's rows:
 *
 * ```sql
 * select customer_id, currency, count(*) as orders,
 *   count(*) filter (where status = 'cancelled') as cancelled,
 *   sum(total_minor) filter (where status in ('confirmed', 'shipped')) as revenue_minor,
 *   max(created_at) as last_order_at
 * from read_models.customer_orders group by customer_id, currency
 * ```
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Projection from "@daybook/kernel/Projection"
import * as Schema from "effect/Schema"
import * as OrderFigures from "./internal/OrderFigures.ts"
import * as OrderKey from "./internal/OrderKey.ts"
import { aggregate } from "./Order.ts"
import { OrderEvent } from "./OrderEvent.ts"

/**
 * An order as its customer asks about it.
 *
 * **Details**
 * `totalMinor` is revenue while the status is `confirmed` or `shipped`. Each date is when that step
 * occurred, `null` before it.
 *
 * @category types
 * @since 0.1.0
 */
export const CustomerOrder = Schema.Struct({
  orderId: Schema.String,
  ...OrderFigures.fields,
  createdAt: Schema.DateTimeUtc,
  confirmedAt: Schema.NullOr(Schema.DateTimeUtc),
  shippedAt: Schema.NullOr(Schema.DateTimeUtc),
  carrier: Schema.NullOr(Schema.String),
  tracking: Schema.NullOr(Schema.String),
  cancelledAt: Schema.NullOr(Schema.DateTimeUtc),
  cancelReason: Schema.NullOr(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type CustomerOrder = Named.Struct<typeof CustomerOrder>

/**
 * Orders by customer; an event that the decider's `evolve` ignores leaves the row unchanged.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection: Projection.Projection<
  OrderEvent,
  Pick<CustomerOrder, "orderId">,
  CustomerOrder
> = Projection.define({
  name: "customer_orders",
  version: 1,
  from: [aggregate],
  row: CustomerOrder,
  primaryKey: ["orderId"],
  indexes: [["customerId", "createdAt"]]
}).fold({
  keys: (_, recorded) => [OrderKey.keyOf(recorded)],
  streams: OrderKey.streamsOf,
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    const at = recorded.occurredAt
    if (row === undefined) {
      return event._tag === "OrderCreated"
        ? { ...key, ...OrderFigures.created(event), ...NOTHING_YET, createdAt: at }
        : undefined
    }
    const after = OrderFigures.after(event)(row)
    if (after.status === row.status) return after
    return OrderEvent.match(event, {
      OrderCreated: () => after,
      ItemAdded: () => after,
      ItemRemoved: () => after,
      ProductRemoved: () => after,
      ShippingAddressUpdated: () => after,
      OrderConfirmed: () => ({ ...after, confirmedAt: at }),
      OrderShipped: ({ carrier, tracking }) => ({ ...after, shippedAt: at, carrier, tracking }),
      OrderCancelled: ({ reason }) => ({ ...after, cancelledAt: at, cancelReason: reason })
    })
  }
})

const NOTHING_YET = {
  confirmedAt: null,
  shippedAt: null,
  carrier: null,
  tracking: null,
  cancelledAt: null,
  cancelReason: null
}
