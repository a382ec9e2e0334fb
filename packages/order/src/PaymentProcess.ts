/**
 * The process `payment`: a confirmed order is released for shipping when it is paid, and cancelled
 * when it is not paid in time.
 *
 * **Details**
 * Its own event `OrderReleased` is the message to the warehouse: a reactor or a publisher follows
 * the category `process_payment`.
 * A payment may arrive while the order is being cancelled. The process need not settle that race:
 * it cancels the payment after the order in any case, and the payment alone decides whether there
 * is something to give back.
 *
 * @since 0.1.0
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import type * as Named from "@daybook/kernel/Named"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import * as Order from "./Order.ts"
import { OrderCommand } from "./OrderCommand.ts"
import * as Payment from "./Payment.ts"

/**
 * The events of the process itself.
 *
 * @category types
 * @since 0.1.0
 */
export const PaymentProcessEvent = Schema.TaggedUnion({
  /** The order is paid: pack and ship it. */
  OrderReleased: {},
  /** The order was not paid in time; it is going to be cancelled. */
  PaymentOverdue: {}
})

/**
 * @category types
 * @since 0.1.0
 */
export type PaymentProcessEvent = Named.Union<typeof PaymentProcessEvent>

/**
 * The states of the process.
 *
 * @category types
 * @since 0.1.0
 */
export const PaymentProcessState = Schema.Literals(["awaiting", "released", "overdue"])

/**
 * @category types
 * @since 0.1.0
 */
export type PaymentProcessState = typeof PaymentProcessState.Type

/**
 * The time that a customer has to pay, from the confirmation of the order.
 *
 * @category limits
 * @since 0.1.0
 */
export const PAYMENT_TIME = "14 days"

/**
 * Processes, each in a stream such as `process_payment-42`, where 42 is the id of the order.
 *
 * @category processes
 * @since 0.1.0
 */
export const process = ProcessManager.define({
  name: "payment",
  from: [Order.aggregate, Payment.aggregate],
  commands: {
    order: ProcessManager.target(Order.aggregate, OrderCommand),
    payment: ProcessManager.target(Payment.aggregate, Payment.PaymentCommand)
  },
  timers: ["paymentDue"],
  events: EventCodec.make({ name: "payment_process", events: PaymentProcessEvent }),
  state: PaymentProcessState
}).make({
  initialState: "awaiting",
  correlate: (event, { streamId }) => {
    const id = StreamId.id(streamId)
    switch (event._tag) {
      case "OrderConfirmed":
        return { start: id }
      case "PaymentReceived":
        return { continue: id }
      case "OrderShipped":
      case "OrderCancelled":
        return { end: id }
      case "OrderCreated":
      case "ItemAdded":
      case "ItemRemoved":
      case "ProductRemoved":
      case "ShippingAddressUpdated":
      case "PaymentRequested":
      case "PaymentCancelled":
      case "RefundRequested":
        return "ignore"
    }
  },
  evolve: (_, event) => (event._tag === "OrderReleased" ? "released" : "overdue"),
  react: (state, input, { id }) => {
    switch (input._tag) {
      case "OrderConfirmed":
        return {
          commands: [{ to: "payment", id, command: { _tag: "RequestPayment" } }],
          timers: [{ set: "paymentDue", after: PAYMENT_TIME }]
        }
      case "PaymentReceived":
        return state === "awaiting"
          ? { events: [{ _tag: "OrderReleased" }], timers: [{ cancel: "paymentDue" }] }
          : {}
      case "TimerFired":
        return state === "awaiting"
          ? {
              events: [{ _tag: "PaymentOverdue" }],
              commands: [
                { to: "order", id, command: { _tag: "CancelOrder", reason: "not paid in time" } }
              ]
            }
          : {}
      case "OrderCancelled":
        return {
          commands: [
            { to: "payment", id, command: { _tag: "CancelPayment", reason: input.reason } }
          ]
        }
      // A rejection needs no answer: an order that can't be cancelled was shipped or cancelled
      // before, and that event ends the process.
      default:
        return {}
    }
  }
})
