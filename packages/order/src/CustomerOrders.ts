/**
 * The read model `customer_orders`: how often and how lately each customer ordered.
 *
 * Only the event that creates an order names its customer, so a fold by customer sees the creations. What
 * became of the orders is in `order_summary`, by its `customer_id`:
 *
 * ```sql
 * SELECT c.customer_id, c.orders, sum(s.total) FILTER (WHERE s.status = 'confirmed') AS confirmed
 * FROM read_models.customer_orders c JOIN read_models.order_summary s USING (customer_id)
 * GROUP BY c.customer_id, c.orders
 * ```
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { identifier } from "./internal/Text.ts"
import { aggregate } from "./Order.ts"

/**
 * A customer with the number of orders that they created.
 *
 * **Details**
 * `firstOrderAt` and `lastOrderAt`: by when the orders were created. `lastOrderId`: the order that was recorded last.
 *
 * @category types
 * @since 0.1.0
 */
export const CustomerOrders = Schema.Struct({
  customerId: identifier,
  orders: Schema.Int,
  firstOrderAt: Schema.DateTimeUtc,
  lastOrderAt: Schema.DateTimeUtc,
  lastOrderId: identifier
})

/**
 * @category types
 * @since 0.1.0
 */
export type CustomerOrders = typeof CustomerOrders.Type

/**
 * Counts the orders of each customer.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection = Projection.define({
  name: "customer_orders",
  version: 1,
  from: [aggregate],
  row: CustomerOrders,
  primaryKey: ["customerId"],
  indexes: [["lastOrderAt"]]
}).fold({
  keys: (event) => (event._tag === "OrderCreated" ? [{ customerId: event.customerId }] : []),
  initial: () => undefined,
  apply: (row, _event, { key, recorded }) => {
    const at = recorded.occurredAt
    return {
      ...key,
      orders: (row?.orders ?? 0) + 1,
      firstOrderAt: row === undefined ? at : DateTime.min(row.firstOrderAt, at),
      lastOrderAt: row === undefined ? at : DateTime.max(row.lastOrderAt, at),
      lastOrderId: StreamId.id(recorded.streamId)
    }
  }
})
