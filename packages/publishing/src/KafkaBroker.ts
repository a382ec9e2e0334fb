/**
 * Kafka as a broker, through `@platformatic/kafka`: an idempotent producer, all in-sync replicas
 * acknowledge, and the key selects the partition as the Java client's does.
 *
 * @since 0.1.0
 */
import { load, type MissingPeer } from "@daybook/store/MissingPeer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Broker } from "./Broker.ts"
import type { KafkaConnection } from "./internal/kafkaClient.ts"

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
 * Errors: `MissingPeer`, `@platformatic/kafka` is not installed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: KafkaBrokerOptions): Layer.Layer<Broker, MissingPeer> =>
  Layer.unwrap(
    Effect.map(
      load(
        "@daybook/publishing/KafkaBroker",
        ["@platformatic/kafka"],
        () => import("./internal/kafkaBroker.ts")
      ),
      (loaded) =>
        loaded.layer({ ...options, maxRequestBytes: options.maxRequestBytes ?? MAX_REQUEST_BYTES })
    )
  )
