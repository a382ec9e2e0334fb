import * as DraftReminder from "@daybook/order/DraftReminder"
import * as Order from "@daybook/order/Order"
import * as Payment from "@daybook/order/Payment"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ProcessLaws from "@daybook/testing/laws/ProcessLaws"
import { describe } from "@effect/vitest"
import { locks } from "./locks.ts"

describe("the lock of", () => {
  for (const { codec, law } of locks) LawSuite.suite(codec, [law])
})

LawSuite.suite(
  "the payment of an order, in general",
  ProcessLaws.laws(PaymentProcess.process, {
    sources: [Order.aggregate, Payment.aggregate],
    always: {
      "an order is not both released and overdue": (_, history) => {
        const tags = new Set(history.map(({ _tag }) => _tag))
        return !(tags.has("OrderReleased") && tags.has("PaymentOverdue"))
      },
      "an order is released once": (_, history) =>
        history.filter(({ _tag }) => _tag === "OrderReleased").length <= 1
    }
  })
)

LawSuite.suite(
  "the reminder of a draft, in general",
  ProcessLaws.laws(DraftReminder.process, {
    sources: [Order.aggregate],
    always: {
      "a customer is reminded once": (_, history) =>
        history.filter(({ _tag }) => _tag === "ReminderDue").length <= 1
    }
  })
)
