/**
 * The read model `order_summary`: each order with its status, its total and its number of items.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Projection from "@daybook/kernel/Projection"
import * as Schema from "effect/Schema"
import * as OrderFigures from "./internal/OrderFigures.ts"
import * as OrderKey from "./internal/OrderKey.ts"
import { aggregate } from "./Order.ts"
import type { OrderEvent } from "./OrderEvent.ts"

/**
 * An order in a row.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderSummary = Schema.Struct({
  orderId: Schema.String,
  ...OrderFigures.fields,
  createdAt: Schema.DateTimeUtc,
  /** The time when the last event that changed the row occurred. */
  updatedAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type OrderSummary = Named.Struct<typeof OrderSummary>

/**
 * Orders as they are; an event that the decider's `evolve` ignores leaves the row unchanged.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection: Projection.Projection<
  OrderEvent,
  Pick<OrderSummary, "orderId">,
  OrderSummary
> = Projection.define({
  name: "order_summary",
  version: 1,
  from: [aggregate],
  row: OrderSummary,
  primaryKey: ["orderId"],
  indexes: [["status"]]
}).fold({
  keys: (_, recorded) => [OrderKey.keyOf(recorded)],
  streams: OrderKey.streamsOf,
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    const at = recorded.occurredAt
    if (row === undefined) {
      return event._tag === "OrderCreated"
        ? { ...key, ...OrderFigures.created(event), createdAt: at, updatedAt: at }
        : undefined
    }
    const after = OrderFigures.after(event)(row)
    return after === row ? row : { ...after, updatedAt: at }
  }
})
