/**
 * The payment of an order: one aggregate, which settles the race between a payment and its
 * cancellation.
 *
 * **Details**
 * A teller beside the log, such as a reactor that talks to a payment provider, follows
 * `PaymentRequested` and `RefundRequested`, and records what the provider answers.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import type * as Named from "@daybook/kernel/Named"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { identifier, sentence } from "./internal/Text.ts"
import { Money } from "./Money.ts"

/**
 * The commands of a payment.
 *
 * @category types
 * @since 0.1.0
 */
export const PaymentCommand = Schema.TaggedUnion({
  /** Asks the customer for the total of the order of the same id. */
  RequestPayment: {},
  /** Records the payment that a provider received. */
  ReceivePayment: { amount: Money, reference: identifier },
  /** Ends the payment; what was received is given back. */
  CancelPayment: { reason: sentence }
})

/**
 * @category types
 * @since 0.1.0
 */
export type PaymentCommand = Named.Union<typeof PaymentCommand>

/**
 * The events of a payment.
 *
 * @category types
 * @since 0.1.0
 */
export const PaymentEvent = Schema.TaggedUnion({
  PaymentRequested: {},
  PaymentReceived: { amount: Money, reference: identifier },
  PaymentCancelled: { reason: sentence },
  /** The cancellation came after the payment. */
  RefundRequested: { amount: Money, reference: identifier, reason: sentence }
})

/**
 * @category types
 * @since 0.1.0
 */
export type PaymentEvent = Named.Union<typeof PaymentEvent>

/**
 * The states of a payment.
 *
 * @category types
 * @since 0.1.0
 */
export const PaymentState = Schema.TaggedUnion({
  NotRequested: {},
  Requested: {},
  Received: { amount: Money, reference: identifier },
  Cancelled: {},
  Refunding: { amount: Money, reference: identifier }
})

/**
 * @category types
 * @since 0.1.0
 */
export type PaymentState = Named.Union<typeof PaymentState>

/**
 * The payment is in a state in which the command is not allowed.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongPaymentState extends Schema.TaggedError<WrongPaymentState>()(
  "WrongPaymentState",
  {
    command: Schema.Literals(Struct.keys(PaymentCommand.cases)),
    state: Schema.Literals(Struct.keys(PaymentState.cases))
  }
) {
  override get message() {
    return `${this.command} is not allowed for a payment that is ${this.state}`
  }
}

type Decision = Result.Result<ReadonlyArray<PaymentEvent>, WrongPaymentState>

const decide = (command: PaymentCommand, state: PaymentState): Decision => {
  const refuse = () =>
    Result.fail(new WrongPaymentState({ command: command._tag, state: state._tag }))
  return PaymentCommand.match(command, {
    RequestPayment: () =>
      state._tag === "NotRequested" ? accept({ _tag: "PaymentRequested" }) : NOTHING,
    ReceivePayment: ({ amount, reference }) =>
      state._tag === "Requested"
        ? accept({ _tag: "PaymentReceived", amount, reference })
        : state._tag === "Received" && state.reference === reference
          ? NOTHING
          : refuse(),
    CancelPayment: ({ reason }) =>
      PaymentState.match(state, {
        NotRequested: refuse,
        Requested: () => accept({ _tag: "PaymentCancelled", reason }),
        Received: ({ amount, reference }) =>
          accept({ _tag: "RefundRequested", amount, reference, reason }),
        Cancelled: () => NOTHING,
        Refunding: () => NOTHING
      })
  })
}

const accept = (event: PaymentEvent): Decision => Result.succeed([event])

const NOTHING: Decision = Result.succeed([])

const evolve = (_: PaymentState, event: PaymentEvent): PaymentState =>
  PaymentEvent.match(event, {
    PaymentRequested: (): PaymentState => ({ _tag: "Requested" }),
    PaymentReceived: ({ amount, reference }): PaymentState => ({
      _tag: "Received",
      amount,
      reference
    }),
    PaymentCancelled: (): PaymentState => ({ _tag: "Cancelled" }),
    RefundRequested: ({ amount, reference }): PaymentState => ({
      _tag: "Refunding",
      amount,
      reference
    })
  })

/**
 * The stored contract of {@link PaymentEvent}.
 *
 * @category codecs
 * @since 0.1.0
 */
export const codec: EventCodec.EventCodec<PaymentEvent> = EventCodec.make({
  name: "payment",
  events: PaymentEvent
})

/**
 * Payments, each in a stream such as `payment-42`, where 42 is the id of the order.
 *
 * @category aggregates
 * @since 0.1.0
 */
export const aggregate: Aggregate.Aggregate<
  PaymentCommand,
  PaymentState,
  PaymentEvent,
  WrongPaymentState
> = Aggregate.make({
  category: "payment",
  decider: Decider.make({ initialState: { _tag: "NotRequested" }, decide, evolve }),
  codec,
  state: PaymentState
})
