/**
 * The orders of the shop as an API: commands in both forms, a read model, the log and operations.
 */
import * as AggregateApi from "@daybook/http/AggregateApi"
import * as LogApi from "@daybook/http/LogApi"
import * as OperationsApi from "@daybook/http/OperationsApi"
import * as ReadModelApi from "@daybook/http/ReadModelApi"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderRejection } from "@daybook/order/OrderRejection"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as HttpApi from "effect/http-api/HttpApi"

const orders = AggregateApi.make(aggregate, {
  name: "orders",
  command: OrderCommand,
  rejection: OrderRejection
})
const each = AggregateApi.makeEach(aggregate, {
  name: "each",
  command: OrderCommand,
  rejection: OrderRejection
})
const summaries = ReadModelApi.make(OrderSummary.projection, {
  name: "summaries",
  where: ["status", "customerId", "updatedAt", "itemCount"],
  orderBy: ["updatedAt"]
})
const log = LogApi.make({ name: "log" })
const operations = OperationsApi.make({ name: "read-models" })

export const parts = [orders, each, summaries, log, operations] as const

export const shop = HttpApi.make("shop").add(
  orders.group,
  each.group,
  summaries.group,
  log.group,
  operations.group
)
