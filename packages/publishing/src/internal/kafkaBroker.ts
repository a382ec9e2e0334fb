/**
 * The producer of `KafkaBroker`, in a module of its own because it imports an optional peer.
 */
import { Producer, stringSerializers } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Broker, type OutgoingMessage } from "../Broker.ts"
import * as IntegrationMessage from "../IntegrationMessage.ts"
import { baseOptions, type KafkaConnection } from "./kafkaClient.ts"
import * as KafkaPartitions from "./kafkaPartitions.ts"
import * as KafkaRequests from "./kafkaRequests.ts"

export const layer = (
  options: KafkaConnection & { readonly maxRequestBytes: number }
): Layer.Layer<Broker> =>
  Layer.effect(
    Broker,
    Effect.gen(function* () {
      const maxBytes = options.maxRequestBytes
      const producer = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new Producer({
              ...baseOptions(options),
              idempotent: true,
              serializers: stringSerializers
            })
        ),
        (open) => Effect.ignore(Effect.promise(() => open.close(true)))
      )
      const request = Effect.fnUntraced(function* (messages: ReadonlyArray<OutgoingMessage>) {
        const topics = [...new Set(messages.map(({ topic }) => topic))]
        // The client reads it at times only.
        const metadata = yield* attempt(() => producer.metadata({ topics }), [])
        const placed = KafkaPartitions.place(messages, metadata)
        yield* attempt(
          () =>
            producer.send({
              messages: placed.map(({ message: { body, key, topic }, partition }) => ({
                topic,
                partition,
                key,
                value: body,
                headers: HEADERS
              }))
            }),
          placed
        )
      })
      // `Broker.make` sends one request at a time. When a request fails while a later one is on its
      // way, the client starts a new sequence for the later one, and the order of both is lost.
      return yield* Broker.make({
        name: "kafka",
        send: KafkaRequests.make({ maxBytes, request }).send
      })
    })
  )

const HEADERS = new Map([["content-type", IntegrationMessage.CONTENT_TYPE]])

const attempt = <A>(
  evaluate: () => Promise<A>,
  placed: ReadonlyArray<KafkaPartitions.Placed>
): Effect.Effect<A, KafkaRequests.RequestFailed> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) =>
      new KafkaRequests.RequestFailed({
        cause,
        acknowledged: KafkaPartitions.acknowledgedOf(placed, cause)
      })
  })
