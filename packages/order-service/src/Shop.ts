/**
 * The HTTP API of the shop: its orders and payments, its read models, its log and its operations.
 * The host serves it, and clients are typed by it.
 *
 * @since 0.1.0
 */
import * as AggregateApi from "@daybook/http/AggregateApi"
import { Authentication } from "@daybook/http/Authenticator"
import * as LogApi from "@daybook/http/LogApi"
import * as OperationsApi from "@daybook/http/OperationsApi"
import * as ReactorsApi from "@daybook/http/ReactorsApi"
import * as ReadModelApi from "@daybook/http/ReadModelApi"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderRejection } from "@daybook/order/OrderRejection"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as Payment from "@daybook/order/Payment"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import * as HttpApi from "effect/http-api/HttpApi"
import * as OpenApi from "effect/http-api/OpenApi"

/** Commands need a key or an id: an item that is sent twice would be added twice. */
const orders = AggregateApi.make(aggregate, {
  name: "orders",
  command: OrderCommand,
  rejection: OrderRejection,
  status: ({ _tag }) => (_tag === "CurrencyMismatch" ? 422 : 409),
  requireKey: true
})

/** A reference identifies a payment and not a command, so commands need a key or an id here too. */
const payments = AggregateApi.make(Payment.aggregate, {
  name: "payments",
  command: Payment.PaymentCommand,
  rejection: Payment.WrongPaymentState,
  requireKey: true
})

// Filters and orders are those that an index of the read model serves.
const summaries = ReadModelApi.make(OrderSummary.projection, {
  name: "order-summaries",
  where: ["status"]
})
const customers = ReadModelApi.make(CustomerOrders.projection, {
  name: "customer-orders",
  where: ["customerId"],
  orderBy: ["customerId", "createdAt"]
})
const demand = ReadModelApi.make(ProductDemand.projection, { name: "product-demand" })
const addresses = ReadModelApi.make(AddressChanges.projection, {
  name: "address-changes",
  where: ["customerId"]
})
const removals = ReadModelApi.make(RemovedItems.projection, {
  name: "removed-items",
  where: ["orderId", "productId"]
})

const log = LogApi.make({ name: "log" })
const operations = OperationsApi.make({ name: "read-models" })
const reactors = ReactorsApi.make({ name: "reactors" })

/**
 * The implementations of the groups of {@link api}.
 *
 * @category models
 * @since 0.1.0
 */
export const parts = [
  orders,
  payments,
  summaries,
  customers,
  demand,
  addresses,
  removals,
  log,
  operations,
  reactors
] as const

/**
 * The API of a shop on loopback, where everyone may do everything.
 *
 * @category models
 * @since 0.1.0
 */
export const api = HttpApi.make("shop")
  .add(
    orders.group,
    payments.group,
    summaries.group,
    customers.group,
    demand.group,
    addresses.group,
    removals.group,
    log.group,
    operations.group,
    reactors.group
  )
  .annotate(OpenApi.Title, "The shop")

/**
 * The API of a shop that knows its callers. A client of it works with either.
 *
 * @category models
 * @since 0.1.0
 */
export const protectedApi = api.middleware(Authentication)
