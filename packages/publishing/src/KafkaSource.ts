/**
 * The messages of Kafka topics for one consumer group.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { KafkaConnection } from "./internal/kafkaClient.ts"
import { loadClient } from "./internal/loadClient.ts"
import type { MessageSource } from "./MessageSource.ts"

/**
 * The settings of a consumer.
 *
 * @category types
 * @since 0.1.0
 */
export interface KafkaSourceOptions extends KafkaConnection {
  /** The consumer group, whose members share the partitions. */
  readonly group: string
  /** Topics that exist. */
  readonly topics: ReadonlyArray<string>
  /**
   * The time after which the group gives away the partitions of a host that died; 10 seconds by
   * default.
   */
  readonly sessionTimeoutMillis?: number
}

/**
 * A source that handles the messages of a partition in order, and those of several at once.
 *
 * **Details**
 * A group that is new begins with the oldest message.
 * It runs by `@platformatic/kafka`, and fails with `BrokerUnfit` when that is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: KafkaSourceOptions): MessageSource => ({
  name: `kafka ${options.topics.join(" ")}`,
  run: (handle) =>
    Effect.flatMap(
      loadClient(
        "kafka",
        "@daybook/publishing/KafkaSource",
        ["@platformatic/kafka"],
        () => import("./internal/kafkaSource.ts")
      ),
      ({ run }) => run(options, handle)
    )
})
