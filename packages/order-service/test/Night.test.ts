import * as Money from "@daybook/order/Money"
import * as OrderState from "@daybook/order/OrderState"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as DemoShop from "../src/DemoShop.ts"
import * as Night from "../src/Night.ts"
import { captured } from "./captured.ts"

const shop = DemoShop.layer({ _tag: "memory" })

const tagsOf = ({ history }: { readonly history: ReadonlyArray<{ readonly _tag: string }> }) =>
  history.map(({ _tag }) => _tag)

const orderOf = ({
  revision,
  state
}: {
  readonly revision: number
  readonly state: OrderState.OrderState
}) => [
  OrderState.status(state),
  Money.format({ currency: "GBP", minor: OrderState.total(state) }),
  revision
]

describe("Night", () => {
  it.live("cancels the unpaid order, reminds of the draft, and releases the paid order", () =>
    Effect.gen(function* () {
      const { cancelled, reminded, shipped } = (yield* captured(Night.run("qrcz"))).value
      assert.deepStrictEqual(orderOf(cancelled), ["cancelled", "GBP 12.95", 4])
      assert.deepStrictEqual(tagsOf(cancelled), [
        "EventReceived",
        "CommandIssued",
        "TimerSet",
        "TimerFired",
        "PaymentOverdue",
        "CommandIssued",
        "EventReceived",
        "CommandIssued",
        "ProcessEnded"
      ])
      assert.deepStrictEqual(orderOf(reminded), ["draft", "GBP 0.00", 1])
      assert.deepStrictEqual(tagsOf(reminded), [
        "EventReceived",
        "DraftOpened",
        "TimerSet",
        "TimerFired",
        "ReminderDue",
        "ProcessEnded"
      ])
      assert.deepStrictEqual(orderOf(shipped), ["shipped", "GBP 12.95", 5])
      assert.deepStrictEqual(tagsOf(shipped), [
        "EventReceived",
        "CommandIssued",
        "TimerSet",
        "EventReceived",
        "OrderReleased",
        "TimerCancelled",
        "EventReceived",
        "ProcessEnded"
      ])
    }).pipe(Effect.provide(shop))
  )

  it.live("is played again on the same log, for other orders", () =>
    Effect.gen(function* () {
      const first = (yield* captured(Night.run("bcdf"))).value
      const second = (yield* captured(Night.run("ghjk"))).value
      assert.notStrictEqual(second.shipped.streamId, first.shipped.streamId)
      assert.deepStrictEqual(tagsOf(second.cancelled), tagsOf(first.cancelled))
      assert.deepStrictEqual(orderOf(second.shipped), orderOf(first.shipped))
    }).pipe(Effect.provide(shop))
  )

  it.live("prints each order with the history of its process", () =>
    Effect.gen(function* () {
      const { lines } = yield* captured(Night.run("qrcz"))
      const text = lines.join("\n").replaceAll(/due \d.*/g, "due TIME")
      assert.include(
        text,
        [
          "What became of mary-qrcz, opened five days ago and left alone?",
          "  draft, 0 items, GBP 0.00, at revision 1",
          "  rev  its process",
          "    1  takes OrderCreated of order-mary-qrcz",
          "    2  records DraftOpened for mary",
          "    3  sets the timer leftAlone, due TIME",
          "    4  is woken by the timer leftAlone",
          "    5  records ReminderDue for mary",
          "    6  ends"
        ].join("\n")
      )
      assert.include(text, "    6  sends CancelOrder to order-joan-qrcz\n")
      assert.notInclude(text, "\u001b")
    }).pipe(Effect.provide(shop))
  )
})
