/**
 * NATS JetStream as a broker, through `@nats-io/transport-node` and `@nats-io/jetstream`: atomic
 * batches, and the id of a message as its `Nats-Msg-Id`.
 *
 * @since 0.1.0
 */
import { load, type MissingPeer } from "@daybook/store/MissingPeer"
import type { NodeConnectionOptions } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Broker } from "./Broker.ts"

/**
 * Publishes to the streams of a NATS server or cluster, which need not be up yet.
 *
 * **Details**
 * Servers from 2.12.1 on. The streams have to exist and to allow atomic batches (`allow_atomic`):
 * otherwise a change of a stream's leader could lose a message and store the next one. The server
 * drops repeated messages within the `duplicate_window` of the stream, 2 minutes by default.
 * Errors: `MissingPeer`, one of the two packages is not installed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: NodeConnectionOptions): Layer.Layer<Broker, MissingPeer> =>
  Layer.unwrap(
    Effect.map(
      load(
        "@daybook/publishing/NatsBroker",
        ["@nats-io/jetstream", "@nats-io/transport-node"],
        () => import("./internal/natsBroker.ts")
      ),
      (loaded) => loaded.layer(options)
    )
  )
