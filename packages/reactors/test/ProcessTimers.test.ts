import * as Order from "@daybook/order/Order"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import { GroupSettings } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

const services = Layer.mergeAll(
  ConsumerGroupsMemory.layer,
  CommandHandler.layer,
  ProcessTimersMemory.layer
).pipe(
  Layer.provideMerge(EventStoreMemory.layer),
  // Weeks pass at once, and no lease is renewed meanwhile.
  Layer.provide(Layer.succeed(GroupSettings, { lease: "365 days" }))
)

/** Waits for the first event of a type in the log. */
const recorded = (type: string) =>
  Effect.gen(function* () {
    const events = yield* EventStore
    const first = yield* Stream.runHead(events.subscribe({ types: [type] }))
    return first
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
})

layer(services)("A process on a log", (it) => {
  it.effect("cancels an order that is not paid in a week", () =>
    Effect.gen(function* () {
      yield* confirm("42")
      yield* Layer.build(ProcessRunner.layer(PaymentProcess.process, { from: "beginning" }))
      yield* recorded("PaymentRequested")
      yield* recorded("TimerSet")
      yield* TestClock.adjust("6 days")
      const orders = yield* CommandHandler.for(Order.aggregate)
      assert.strictEqual((yield* orders.load("42")).state._tag, "Confirmed")
      yield* TestClock.adjust("1 day")
      yield* recorded("OrderCancelled")
      yield* recorded("PaymentCancelled")
      const processes = yield* CommandHandler.for(PaymentProcess.process.aggregate)
      const history = yield* Stream.runCollect(processes.history("42"))
      assert.deepStrictEqual(
        history.map(({ event }) => event._tag),
        [
          "EventReceived",
          "CommandIssued",
          "TimerSet",
          "TimerFired",
          "PaymentOverdue",
          "CommandIssued",
          "EventReceived",
          "CommandIssued",
          "ProcessEnded"
        ]
      )
      const timers = yield* ProcessTimers
      assert.strictEqual((yield* timers.status("payment")).pending, 0)
    })
  )
})
