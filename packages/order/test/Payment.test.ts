import * as Payment from "@daybook/order/Payment"
import {
  PaymentCommand,
  type PaymentCommand as Command,
  PaymentEvent,
  WrongPaymentState
} from "@daybook/order/Payment"
import * as DeciderLaws from "@daybook/testing/laws/DeciderLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Specification from "@daybook/testing/Specification"

const amount = { currency: "GBP", minor: 500 }
const request: Command = { _tag: "RequestPayment" }
const receive: Command = { _tag: "ReceivePayment", amount, reference: "card 1" }
const cancel: Command = { _tag: "CancelPayment", reason: "out of stock" }

const requested = { _tag: "PaymentRequested" } as const
const received = { _tag: "PaymentReceived", amount, reference: "card 1" } as const
const cancelled = { _tag: "PaymentCancelled", reason: "out of stock" } as const
const refunding = {
  _tag: "RefundRequested",
  amount,
  reference: "card 1",
  reason: "out of stock"
} as const

const refused = (command: WrongPaymentState["command"], state: WrongPaymentState["state"]) =>
  new WrongPaymentState({ command, state })

LawSuite.suite(
  "a payment",
  Specification.laws(
    Specification.make(
      "a payment",
      Payment.aggregate.decider,
      (given) => ({
        "is requested": given().when(request).then([requested]),
        "is requested once": given(requested).when(request).then([]),
        "is received": given(requested).when(receive).then([received]),
        "is received once": given(requested, received).when(receive).then([]),
        "is not received twice": given(requested, received)
          .when({ ...receive, reference: "card 2" })
          .then(refused("ReceivePayment", "Received")),
        "is not received before it is requested": given()
          .when(receive)
          .then(refused("ReceivePayment", "NotRequested")),
        "is cancelled before it is received": given(requested).when(cancel).then([cancelled]),
        "is given back when it is cancelled later": given(requested, received)
          .when(cancel)
          .then([refunding]),
        "is cancelled once": given(requested, cancelled).when(cancel).then([]),
        "is given back once": given(requested, received, refunding).when(cancel).then([]),
        "is not cancelled before it is requested": given()
          .when(cancel)
          .then(refused("CancelPayment", "NotRequested")),
        "is not received after its cancellation": given(requested, cancelled)
          .when(receive)
          .then(refused("ReceivePayment", "Cancelled"))
      }),
      { covers: [PaymentCommand.cases, PaymentEvent.cases] }
    )
  )
)

LawSuite.suite(
  "a payment, in general",
  DeciderLaws.laws(Payment.aggregate, { commands: PaymentCommand, rejections: WrongPaymentState })
)
