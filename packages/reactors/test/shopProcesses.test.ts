/**
 * The processes of the shop on a log in memory, under a clock that is set.
 */
import * as DraftReminder from "@daybook/order/DraftReminder"
import * as Order from "@daybook/order/Order"
import * as Payment from "@daybook/order/Payment"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const shop = Layer.mergeAll(
  ProcessRunner.layer(PaymentProcess.process, { from: "beginning" }),
  ProcessRunner.layer(DraftReminder.process, { from: "beginning" })
).pipe(
  Layer.provideMerge(
    Layer.mergeAll(ConsumerGroupsMemory.layer, CommandHandler.layer, ProcessTimersMemory.layer)
  ),
  Layer.provideMerge(EventStoreMemory.layer)
)

/** Waits until the stream has recorded an event of a type. */
const recorded = Effect.fnUntraced(function* (streamId: string, type: string) {
  const events = yield* EventStore
  yield* events.subscribe({ types: [type] }).pipe(
    Stream.filter((event) => event.streamId === streamId),
    Stream.runHead
  )
})

const confirm = Effect.fnUntraced(function* (id: string) {
  const orders = yield* CommandHandler.for(Order.aggregate)
  yield* orders.execute(id, { _tag: "CreateOrder", customerId: "ada", currency: "GBP" })
  yield* orders.execute(id, {
    _tag: "AddItem",
    productId: "tea",
    name: "Tea",
    quantity: 1,
    unitPrice: { currency: "GBP", minor: 250 }
  })
  yield* orders.execute(id, { _tag: "ConfirmOrder" })
  yield* recorded(`process_payment-${id}`, "TimerSet")
  yield* recorded(`payment-${id}`, "PaymentRequested")
})

const pay = Effect.fnUntraced(function* (id: string) {
  const payments = yield* CommandHandler.for(Payment.aggregate)
  const amount = { currency: "GBP", minor: 250 }
  yield* payments.execute(id, { _tag: "ReceivePayment", amount, reference: "card 1" })
})

const typesOf = Effect.fnUntraced(function* (streamId: string) {
  const events = yield* EventStore
  const all = yield* Stream.runCollect(events.read(StreamId.StreamId.make(streamId)))
  return all.map(({ type }) => type)
})

const DAY = 86_400_000

/** Runs a test in a shop whose clock is some days ahead. */
const inShop = <E>(
  test: (ahead: (days: number) => void) => Effect.Effect<void, E, CommandHandler | EventStore>
) =>
  Effect.gen(function* () {
    const clock = yield* Clock.clockWith(Effect.succeed)
    let ahead = 0
    const now = () => clock.currentTimeMillisUnsafe() + ahead
    return yield* test((days) => {
      ahead = days * DAY
    }).pipe(
      Effect.provide(shop),
      Effect.provideService(Clock.Clock, {
        sleep: (duration) => clock.sleep(duration),
        currentTimeNanosUnsafe: () => BigInt(now()) * 1_000_000n,
        currentTimeNanos: Effect.sync(() => BigInt(now()) * 1_000_000n),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: Effect.sync(() => clock.monotonicTimeNanosUnsafe()),
        currentTimeMillisUnsafe: now,
        currentTimeMillis: Effect.sync(now)
      })
    )
  })

describe("The shop", () => {
  it.live("cancels an order that is not paid in two weeks, and its payment", () =>
    inShop((ahead) =>
      Effect.gen(function* () {
        yield* confirm("1")
        ahead(13)
        yield* confirm("2")
        assert.isFalse((yield* typesOf("order-1")).includes("OrderCancelled"))
        ahead(15)
        yield* confirm("3")
        yield* recorded("order-1", "OrderCancelled")
        yield* recorded("payment-1", "PaymentCancelled")
        assert.deepStrictEqual(yield* typesOf("process_payment-1"), [
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
      })
    )
  )

  it.live("releases an order that is paid, and reminds its customer of no draft", () =>
    inShop((ahead) =>
      Effect.gen(function* () {
        yield* confirm("1")
        yield* pay("1")
        yield* recorded("process_payment-1", "OrderReleased")
        yield* recorded("process_draft_reminder-1", "ProcessEnded")
        ahead(15)
        yield* confirm("2")
        assert.isFalse((yield* typesOf("order-1")).includes("OrderCancelled"))
      })
    )
  )

  it.live("reminds a customer of a draft, once", () =>
    inShop((ahead) =>
      Effect.gen(function* () {
        const orders = yield* CommandHandler.for(Order.aggregate)
        yield* orders.execute("1", { _tag: "CreateOrder", customerId: "ada", currency: "GBP" })
        yield* recorded("process_draft_reminder-1", "TimerSet")
        ahead(4)
        // Wakes the host, which would else look after a minute.
        yield* orders.execute("2", { _tag: "CreateOrder", customerId: "bob", currency: "GBP" })
        yield* recorded("process_draft_reminder-1", "ProcessEnded")
        assert.deepStrictEqual(yield* typesOf("process_draft_reminder-1"), [
          "EventReceived",
          "DraftOpened",
          "TimerSet",
          "TimerFired",
          "ReminderDue",
          "ProcessEnded"
        ])
      })
    )
  )
})
