/**
 * The messages of a JetStream stream for one durable consumer.
 *
 * @since 0.1.0
 */
import type { NodeConnectionOptions } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import { loadClient } from "./internal/loadClient.ts"
import type { MessageSource } from "./MessageSource.ts"

/**
 * The settings of a consumer.
 *
 * @category types
 * @since 0.1.0
 */
export interface NatsSourceOptions {
  readonly connection: NodeConnectionOptions
  /** A stream that exists. */
  readonly stream: string
  /** The name of the durable consumer, which hosts share. */
  readonly durable: string
  /** Only messages of these subjects, wildcards included; all by default. */
  readonly subjects?: ReadonlyArray<string>
  /**
   * The time after which a message that a host holds is given to another one; 30 seconds by
   * default. A handling that takes longer keeps the message by telling the server.
   */
  readonly ackWaitMillis?: number
}

/**
 * A source that handles one message at a time, in the order of the stream.
 *
 * **Details**
 * With more messages on their way, those of a host that died would come again after later ones. For
 * more at once divide the subjects among several sources.
 * A new consumer begins with the oldest message.
 * It runs by `@nats-io/transport-node` and `@nats-io/jetstream`, and fails with `BrokerUnfit` when
 * one of them is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: NatsSourceOptions): MessageSource => ({
  name: `nats ${options.durable}`,
  run: (handle) =>
    Effect.flatMap(
      loadClient(
        "nats",
        "@daybook/publishing/NatsSource",
        ["@nats-io/jetstream", "@nats-io/transport-node"],
        () => import("./internal/natsSource.ts")
      ),
      ({ run }) => run(options, handle)
    )
})
