/**
 * The read models that hosts keep of orders: all of them behind the log, and one also by the appends.
 */
import * as Projection from "@daybook/kernel/Projection"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { orders } from "../orderSimulation.ts"

export const behind = orders.projections ?? []

export const summaries = orderSummary

export const inlineSummaries: typeof orderSummary = {
  ...orderSummary,
  name: Projection.Name.make("inline_order_summary")
}
