import { DraftReminderEvent, process } from "@daybook/order/DraftReminder"
import * as Order from "@daybook/order/Order"
import { OrderEvent } from "@daybook/order/OrderEvent"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ProcessSpecification from "@daybook/testing/ProcessSpecification"
import * as ProjectionSpecification from "@daybook/testing/ProjectionSpecification"
import {
  added,
  addressUpdated,
  confirmed,
  created,
  productRemoved,
  removed,
  shipped
} from "./OrderRules.ts"

const order = ProjectionSpecification.stream(Order.aggregate, "42")
const cancelled = { _tag: "OrderCancelled", reason: "changed my mind" } as const
const open = { _tag: "Open", customerId: "ada" } as const
const later = { timers: [{ set: "leftAlone", after: "3 days" }], state: open } as const

LawSuite.suite(
  "the reminder of a draft",
  ProcessSpecification.laws(
    ProcessSpecification.make(
      "the reminder of a draft",
      process,
      (given) => ({
        "waits from the creation of the order": given()
          .when(order.events(created))
          .then({ events: [{ _tag: "DraftOpened", customerId: "ada" }], ...later }),
        "waits longer when an item is added": given(order.events(created), { after: "2 days" })
          .when(order.events(added("tea", 1, 100)))
          .then(later),
        "waits longer when an item is removed": given(order.events(created))
          .when(order.events(removed("tea", 1, 100)))
          .then(later),
        "waits longer when a product is removed": given(order.events(created))
          .when(order.events(productRemoved("tea")))
          .then(later),
        "waits longer when the address changes": given(order.events(created))
          .when(order.events(addressUpdated))
          .then(later),
        "is due after three days without a change": given(order.events(created))
          .when({ after: "3 days" })
          .then({ events: [{ _tag: "ReminderDue", customerId: "ada" }], ended: true }),
        "is sent once": given(order.events(created), { after: "3 days" })
          .when(order.events(added("tea", 1, 100)))
          .then("ignored"),
        "ends when the order is confirmed": given(order.events(created))
          .when(order.events(confirmed))
          .then({ state: open, ended: true }),
        "ends when the order is shipped": given(order.events(created))
          .when(order.events(shipped))
          .then({ state: open, ended: true }),
        "ends when the order is cancelled": given(order.events(created))
          .when(order.events(cancelled))
          .then({ state: open, ended: true }),
        "is not due after the end": given(order.events(created, confirmed))
          .when({ after: "3 days" })
          .then("ignored")
      }),
      { covers: [OrderEvent.cases, DraftReminderEvent.cases] }
    )
  )
)
