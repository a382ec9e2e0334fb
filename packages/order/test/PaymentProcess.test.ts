import * as Order from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import { WrongStatus } from "@daybook/order/OrderRejection"
import * as Payment from "@daybook/order/Payment"
import { PaymentProcessEvent, process } from "@daybook/order/PaymentProcess"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ProcessSpecification from "@daybook/testing/ProcessSpecification"
import * as ProjectionSpecification from "@daybook/testing/ProjectionSpecification"

const order = ProjectionSpecification.stream(Order.aggregate, "42")
const payment = ProjectionSpecification.stream(Payment.aggregate, "42")

const confirmed = order.events({ _tag: "OrderConfirmed" })
const paid = payment.events({
  _tag: "PaymentReceived",
  amount: { currency: "GBP", minor: 500 },
  reference: "card 1"
})
const shipped = order.events({ _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM1" })
const cancelled = order.events({ _tag: "OrderCancelled", reason: "changed my mind" })
const overdue = { after: "14 days" } as const

const cancelOrder = {
  to: "order",
  id: "42",
  command: { _tag: "CancelOrder", reason: "not paid in time" }
} as const
const cancelPayment = (reason: string) =>
  ({ to: "payment", id: "42", command: { _tag: "CancelPayment", reason } }) as const

const outside: ReadonlyArray<OrderEvent> = [
  { _tag: "OrderCreated", customerId: "ada", currency: "GBP" },
  { _tag: "ProductRemoved", productId: "tea" }
]

LawSuite.suite(
  "the payment of an order",
  ProcessSpecification.laws(
    ProcessSpecification.make(
      "the payment of an order",
      process,
      (given) => ({
        "begins when the order is confirmed": given()
          .when(confirmed)
          .then({
            commands: [{ to: "payment", id: "42", command: { _tag: "RequestPayment" } }],
            timers: [{ set: "paymentDue", after: "14 days" }],
            state: "awaiting"
          }),
        "is not concerned with a draft": given()
          .when(order.events(...outside))
          .then("ignored"),
        "releases an order that is paid": given(confirmed)
          .when(paid)
          .then({
            events: [{ _tag: "OrderReleased" }],
            timers: [{ cancel: "paymentDue" }],
            state: "released"
          }),
        "releases an order once": given(confirmed, paid).when(paid).then({ state: "released" }),
        "waits for six days": given(confirmed).when({ after: "6 days" }).then("ignored"),
        "cancels an order that is not paid in two weeks": given(confirmed)
          .when(overdue)
          .then({
            events: [{ _tag: "PaymentOverdue" }],
            commands: [cancelOrder],
            state: "overdue"
          }),
        "leaves an order that is paid": given(confirmed, paid).when(overdue).then("ignored"),
        "does not release an order that is being cancelled": given(confirmed, overdue)
          .when(paid)
          .then({ state: "overdue" }),
        "cancels the payment of a cancelled order": given(confirmed, overdue)
          .when(cancelled)
          .then({ commands: [cancelPayment("changed my mind")], ended: true }),
        "cancels the payment of an order that its customer cancels": given(confirmed)
          .when(cancelled)
          .then({ commands: [cancelPayment("changed my mind")], ended: true }),
        "ends when the order is shipped": given(confirmed, paid)
          .when(shipped)
          .then({ ended: true, state: "released" }),
        "stays ended": given(confirmed, paid, shipped).when(cancelled).then("ignored"),
        "does not begin with its end": given().when(cancelled).then("ignored"),
        "accepts that an order can't be cancelled any more": given(confirmed, overdue)
          .when({
            _tag: "CommandRejected",
            ...cancelOrder,
            rejection: new WrongStatus({
              command: "CancelOrder",
              status: "shipped",
              allowed: ["draft", "confirmed"]
            })
          })
          .then({ state: "overdue" })
      }),
      { covers: [PaymentProcessEvent.cases] }
    )
  )
)
