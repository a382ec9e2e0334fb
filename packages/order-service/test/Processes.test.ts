/**
 * The processes as a host of the shop runs them, with the mails that follow.
 */
import * as Order from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import * as Payment from "@daybook/order/Payment"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import { CurrentLogAnnotations } from "effect/References"
import * as Stream from "effect/Stream"
import * as Processes from "../src/Processes.ts"
import * as Stores from "../src/Stores.ts"

const stores = CommandHandler.layer.pipe(Layer.provideMerge(Stores.layer({ _tag: "memory" })))

const execute = Effect.fnUntraced(function* (
  id: string,
  daysAgo: number,
  commands: ReadonlyArray<OrderCommand>
) {
  const orders = yield* CommandHandler.for(Order.aggregate)
  const occurredAt = DateTime.subtract(yield* DateTime.now, { days: daysAgo })
  yield* orders.executeAll(
    id,
    commands.map((command) => ({ command, occurredAt }))
  )
})

const unitPrice = { currency: "GBP", minor: 250 }
const create: OrderCommand = { _tag: "CreateOrder", customerId: "ada", currency: "GBP" }
const tea: OrderCommand = { _tag: "AddItem", productId: "tea", name: "Tea", quantity: 1, unitPrice }
const confirm: OrderCommand = { _tag: "ConfirmOrder" }

/** Waits until the stream has an event of the type. */
const recorded = (streamId: string, type: string) =>
  EventStore.use(({ subscribe }) =>
    Stream.runHead(Stream.filter(subscribe({ types: [type] }), (one) => one.streamId === streamId))
  )

const typesOf = (prefix: string) =>
  EventStore.use(({ readAll }) => Stream.runCollect(readAll())).pipe(
    Effect.map((all) => all.filter(({ streamId }) => streamId.startsWith(prefix))),
    Effect.map((all) => all.map(({ type }) => type))
  )

/** Collects the mails, which are lines of the log with an effect key. */
const mailbox = Effect.gen(function* () {
  const mails = yield* Queue.unbounded<readonly [text: unknown, key: string]>()
  const logger = Logger.make(({ fiber, message }) => {
    const { effectKey } = fiber.getRef(CurrentLogAnnotations)
    if (typeof effectKey === "string") Queue.offerUnsafe(mails, [message, effectKey])
  })
  return { mails, logger: Logger.layer([logger]) }
})

const noBroker = ConfigProvider.layer(ConfigProvider.fromUnknown({}))

describe("The processes of the shop", () => {
  it.live("mail the warehouse a paid order, and a customer a draft left alone", () =>
    Effect.gen(function* () {
      const { logger, mails } = yield* mailbox
      yield* Layer.build(Processes.layer().pipe(Layer.provide([logger, noBroker])))
      yield* execute("1", 0, [create, tea, confirm])
      yield* recorded("payment-1", "PaymentRequested")
      const payments = yield* CommandHandler.for(Payment.aggregate)
      yield* payments.execute("1", {
        _tag: "ReceivePayment",
        amount: unitPrice,
        reference: "card 1"
      })
      const [released, key] = yield* Queue.take(mails)
      assert.deepStrictEqual(released, ["Mail to the warehouse: order 1 is paid, ship it"])
      assert.match(key, /^mails:[0-9a-f-]{36}$/)
      yield* execute("2", 4, [create])
      const [reminded] = yield* Queue.take(mails)
      assert.deepStrictEqual(reminded, ["Mail to ada: your order 2 waits to be confirmed"])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.live("leave orders alone that were recorded before they began, or that are history", () =>
    Effect.gen(function* () {
      yield* execute("before", 20, [create, tea, confirm])
      yield* Layer.build(Processes.layerManagers())
      yield* execute("history", 30, [create, tea, confirm])
      yield* execute("late", 29, [create, tea, confirm])
      yield* recorded("payment-late", "PaymentCancelled")
      assert.deepStrictEqual(yield* typesOf("order-before"), [
        "OrderCreated",
        "ItemAdded",
        "OrderConfirmed"
      ])
      assert.deepStrictEqual(yield* typesOf("process_payment-before"), [])
      assert.deepStrictEqual(yield* typesOf("process_payment-history"), [])
      assert.deepStrictEqual(yield* typesOf("process_draft_reminder-history"), [])
      assert.include(yield* typesOf("order-late"), "OrderCancelled")
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
