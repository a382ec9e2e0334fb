import * as EventId from "@daybook/kernel/EventId"
import * as IntegrationMessage from "@daybook/publishing/IntegrationMessage"
import * as Order from "@daybook/order/Order"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as OrderMessages from "../src/OrderMessages.ts"

const log = CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

const brokerIn = (env: Record<string, string>) =>
  OrderMessages.broker.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env))))

describe("The messages of orders", () => {
  it.effect("tell of confirmations, shipments and cancellations", () =>
    Effect.gen(function* () {
      const orders = yield* CommandHandler.for(Order.aggregate)
      yield* orders.execute("7", { _tag: "CreateOrder", customerId: "ada", currency: "GBP" })
      yield* orders.execute("7", {
        _tag: "AddItem",
        productId: "tea",
        name: "Tea",
        quantity: 1,
        unitPrice: { currency: "GBP", minor: 250 }
      })
      yield* orders.execute("7", { _tag: "ConfirmOrder" })
      yield* orders.execute("7", { _tag: "CancelOrder", reason: "changed her mind" })
      const recorded = yield* EventStore.use(({ readAll }) => Stream.runCollect(readAll()))
      const publisher = OrderMessages.publisher("now")
      const messages = (yield* Effect.forEach(recorded, (one) =>
        Effect.fromResult(publisher.messages(one))
      )).flat()
      assert.deepStrictEqual(
        messages.map(({ topic }) => topic),
        ["orders", "orders"]
      )
      const bodies = yield* Effect.forEach(messages, ({ body }) =>
        Effect.fromResult(IntegrationMessage.decode(body))
      )
      assert.deepStrictEqual(
        bodies.map(({ data, subject, type }) => ({ data, subject, type })),
        [
          { data: { orderId: "7" }, subject: "7", type: "shop.order.confirmed" },
          {
            data: { orderId: "7", reason: "changed her mind" },
            subject: "7",
            type: "shop.order.cancelled"
          }
        ]
      )
      assert.strictEqual(EventId.make(bodies[0]?.causationid ?? ""), recorded[2]?.id)
    }).pipe(Effect.provide(log))
  )

  it.effect("go to the broker that the environment names, if it names one", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* brokerIn({})))
      assert.isTrue(Option.isSome(yield* brokerIn({ KAFKA_BROKERS: "localhost:9092" })))
      assert.isTrue(Option.isSome(yield* brokerIn({ NATS_URL: "nats://localhost:4222" })))
      const two = yield* Effect.flip(
        brokerIn({ KAFKA_BROKERS: "localhost:9092", NATS_URL: "nats://localhost:4222" })
      )
      assert.strictEqual(
        two.message,
        "cannot publish to two brokers: KAFKA_BROKERS and NATS_URL are both set"
      )
    })
  )
})
