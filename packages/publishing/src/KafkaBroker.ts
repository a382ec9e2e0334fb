/**
 * Kafka as a broker, through `@platformatic/kafka`: an idempotent producer, all in-sync replicas
 * acknowledge, and the key selects the partition as the Java client's does.
 *
 * @since 0.1.0
 */
import { Producer, stringSerializers } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Broker, type OutgoingMessage } from "./Broker.ts"
import * as IntegrationMessage from "./IntegrationMessage.ts"
import { baseOptions, type KafkaConnection } from "./internal/kafkaClient.ts"
import * as KafkaPartitions from "./internal/kafkaPartitions.ts"
import * as KafkaRequests from "./internal/kafkaRequests.ts"

export type { KafkaConnection } from "./internal/kafkaClient.ts"

/**
 * The largest message and the largest request unless told otherwise: bytes of keys and texts in
 * UTF-8. Below the default `max.message.bytes` of a topic (1,048,588), which bounds the messages of
 * a request that go to one partition.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_REQUEST_BYTES = 1_000_000

/**
 * The settings of a producer.
 *
 * @category types
 * @since 0.1.0
 */
export interface KafkaBrokerOptions extends KafkaConnection {
  /** {@link MAX_REQUEST_BYTES} by default; at most the `max.message.bytes` of the topics. */
  readonly maxRequestBytes?: number
}

/**
 * Publishes to a Kafka cluster, which need not be up yet.
 *
 * **Details**
 * Topics have to exist: a topic that the cluster does not know is tried for 30 seconds as one that
 * is unavailable, then its messages are refused. A topic that gets more partitions moves keys to
 * others: the order of a key is not kept across that change.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: KafkaBrokerOptions): Layer.Layer<Broker> =>
  Layer.effect(
    Broker,
    Effect.gen(function* () {
      const maxBytes = options.maxRequestBytes ?? MAX_REQUEST_BYTES
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
