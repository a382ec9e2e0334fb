/**
 * The port to the messages that a broker delivers to one group of consumers.
 *
 * Rules of every source, checked by `BrokerLaws` of `@daybook/testing`:
 *
 * 1. A message is acknowledged after its handling succeeded, and no later message of its key is
 *    handled before.
 * 2. A message that was not acknowledged is handled again, by whichever host runs the source next.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BrokerUnavailable, BrokerUnfit } from "./Broker.ts"

/**
 * A message as it was received.
 *
 * @category types
 * @since 0.1.0
 */
export interface IncomingMessage {
  readonly topic: string
  /** Empty for a message without a value, such as a tombstone of Kafka. */
  readonly body: string
}

/**
 * The messages of one group of consumers.
 *
 * @category types
 * @since 0.1.0
 */
export interface MessageSource {
  /** The name in spans and logs, such as `kafka orders`. */
  readonly name: string
  /**
   * Handles each message until it is interrupted, a connection is lost or a handling fails.
   *
   * **Details**
   * Run it again to go on after the last acknowledged message.
   */
  readonly run: <E, R>(
    handle: (message: IncomingMessage) => Effect.Effect<void, E, R>
  ) => Effect.Effect<never, E | BrokerUnavailable | BrokerUnfit, R>
}
