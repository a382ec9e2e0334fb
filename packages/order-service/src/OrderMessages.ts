/**
 * Messages about orders for other systems, sent to Kafka or NATS if the environment names one.
 *
 * | Variable        | Example                                                       |
 * | --------------- | ------------------------------------------------------------- |
 * | `KAFKA_BROKERS` | `kafka-1:9092,kafka-2:9092`, with the topic `orders`          |
 * | `NATS_URL`      | `nats://nats:4222`, with a stream that has `orders` (batched) |
 *
 * @since 0.1.0
 */
import * as StreamId from "@daybook/kernel/StreamId"
import * as Order from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { Broker } from "@daybook/publishing/Broker"
import * as KafkaBroker from "@daybook/publishing/KafkaBroker"
import * as NatsBroker from "@daybook/publishing/NatsBroker"
import * as Publisher from "@daybook/publishing/Publisher"
import type { MissingPeer } from "@daybook/store/MissingPeer"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"

/**
 * The topic of Kafka, the subject of NATS.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOPIC = "orders"

/**
 * Publishes the confirmations, shipments and cancellations of orders. Their form is a contract with
 * other systems, so that events may change without them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const publisher = (from: Publisher.Options<typeof Order.aggregate>["from"]) =>
  Publisher.make({
    name: "order-messages",
    from,
    origin: "/shop/orders",
    sources: [Order.aggregate],
    types: ["OrderConfirmed", "OrderShipped", "OrderCancelled"],
    toMessages: (event, { streamId }) => messagesOf(StreamId.id(streamId), event),
    onFailure: "park"
  })

const messagesOf = (orderId: string, event: OrderEvent): ReadonlyArray<Publisher.MessageDraft> => {
  const message = (type: string, data: Record<string, Schema.Json>) => [
    { topic: TOPIC, type: `shop.order.${type}`, subject: orderId, data: { orderId, ...data } }
  ]
  switch (event._tag) {
    case "OrderConfirmed":
      return message("confirmed", {})
    case "OrderShipped":
      return message("shipped", { carrier: event.carrier, tracking: event.tracking })
    case "OrderCancelled":
      return message("cancelled", { reason: event.reason })
    case "OrderCreated":
    case "ItemAdded":
    case "ItemRemoved":
    case "ProductRemoved":
    case "ShippingAddressUpdated":
      return []
  }
}

/**
 * The environment names two brokers.
 *
 * @category errors
 * @since 0.1.0
 */
export class TwoBrokers extends Data.TaggedError("TwoBrokers") {
  override get message() {
    return "cannot publish to two brokers: KAFKA_BROKERS and NATS_URL are both set"
  }
}

/**
 * Returns the broker that the environment names. Its client is loaded only when the layer is built,
 * so a shop without a broker needs none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const broker: Effect.Effect<
  Option.Option<Layer.Layer<Broker, MissingPeer>>,
  TwoBrokers | Config.ConfigError
> = Effect.gen(function* () {
  const kafka = yield* Config.option(Config.String("KAFKA_BROKERS"))
  const nats = yield* Config.option(Config.Redacted("NATS_URL"))
  if (Option.isSome(kafka) && Option.isSome(nats)) return yield* new TwoBrokers()
  if (Option.isSome(kafka)) {
    const brokers = kafka.value.split(",").map((address) => address.trim())
    return Option.some(KafkaBroker.layer({ brokers, clientId: "shop" }))
  }
  if (Option.isSome(nats)) {
    return Option.some(NatsBroker.layer({ servers: Redacted.value(nats.value), name: "shop" }))
  }
  return Option.none()
})
