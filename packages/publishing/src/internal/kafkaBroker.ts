/**
 * The producer of `KafkaBroker`, in a module of its own because it imports an optional peer.
 */
import { Producer, stringSerializers } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Broker, type OutgoingMessage } from "../Broker.ts"
import * as IntegrationMessage from "../IntegrationMessage.ts"
import { chunksOf } from "./chunks.ts"
import { baseOptions, call, type KafkaConnection } from "./kafkaClient.ts"
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
      const request = (messages: ReadonlyArray<OutgoingMessage>) =>
        call("send", () =>
          producer.send({
            messages: messages.map(({ body, key, topic }) => ({
              topic,
              key,
              value: body,
              headers: { "content-type": IntegrationMessage.CONTENT_TYPE }
            }))
          })
        )

      const requests = KafkaRequests.make({ maxBytes, request })

      // `Broker.make` sends one request at a time. When a request fails while a later one is on its
      // way, the client starts a new sequence for the later one, and the order of both is lost.
      return yield* Broker.make({
        name: "kafka",
        send: Effect.fnUntraced(function* (messages) {
          const { chunks, excessive } = chunksOf(messages, {
            maxBytes,
            maxMessageBytes: maxBytes,
            maxMessages: messages.length
          })
          yield* Effect.forEach(chunks, requests.send, { discard: true })
          if (excessive !== undefined) return yield* requests.refused(excessive)
        })
      })
    })
  )
