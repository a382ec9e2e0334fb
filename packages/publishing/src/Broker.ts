/**
 * The port to a message broker. `BrokerMemory` is its reference.
 *
 * Rules of every broker, checked by `BrokerLaws` of `@daybook/testing`:
 *
 * 1. Messages of a `send` that succeeded are stored by the broker: it acknowledged each.
 * 2. For each key, the first deliveries of its messages are in the order in which they were sent,
 *    also when a `send` failed or was interrupted and was repeated. A message may be delivered
 *    again after that; its id tells.
 * 3. A message that the broker does not accept is refused with its id. Of its key no later message
 *    of that `send` was sent. The refusal lists messages of that `send` only if they are stored.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import { rootMessage } from "@daybook/store/RootMessage"
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Batching from "./internal/batching.ts"

/**
 * A message as a broker stores it.
 *
 * @category types
 * @since 0.1.0
 */
export interface OutgoingMessage {
  /** The topic of Kafka, the subject of NATS. */
  readonly topic: string
  /** Messages with the same key stay in order. */
  readonly key: string
  readonly id: string
  /** The message as JSON text, see `IntegrationMessage.encode`. */
  readonly body: string
}

/**
 * The broker did not answer, or could not store a message for now. Any of the messages may have
 * been stored: send them again.
 *
 * @category errors
 * @since 0.1.0
 */
export class BrokerUnavailable extends Data.TaggedError("BrokerUnavailable")<{
  /** The name of the broker, such as `kafka`. */
  readonly broker: string
  readonly operation: "connect" | "send" | "receive"
  readonly cause: unknown
}> {
  override get message() {
    const { broker, cause, operation } = this
    return printableLine(`Cannot ${operation} by ${broker}: ${rootMessage(cause)}`)
  }
}

/**
 * The reason why a broker does not accept a message.
 *
 * @category errors
 * @since 0.1.0
 */
export const RefusalReason = Schema.TaggedUnion({
  TooLarge: { bytes: Schema.Int, limit: Schema.Int },
  /** The topic does not exist, or no stream stores the subject. */
  UnknownTopic: {},
  NotAuthorized: {},
  /** The broker states another reason. */
  Rejected: { issue: Schema.String }
})

/**
 * @category errors
 * @since 0.1.0
 */
export type RefusalReason = typeof RefusalReason.Type

const describe = (reason: RefusalReason): string =>
  RefusalReason.match(reason, {
    TooLarge: ({ bytes, limit }) => `it has ${bytes} bytes, at most ${limit} are allowed`,
    UnknownTopic: () => "no such topic",
    NotAuthorized: () => "not authorized",
    Rejected: ({ issue }) => issue
  })

/**
 * The broker does not accept a message, and will not when it is sent again.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageRefused extends Schema.TaggedError<MessageRefused>()("MessageRefused", {
  broker: Schema.String,
  topic: Schema.String,
  /** The id of the refused message. */
  id: Schema.String,
  reason: RefusalReason,
  /**
   * The ids of those messages of the same `send` that the broker has acknowledged, as far as it
   * tells. They need not be sent again.
   */
  acknowledged: Schema.Array(Schema.String)
}) {
  override get message() {
    const { broker, id, reason, topic } = this
    return printableLine(`Cannot send message ${id} to ${topic} of ${broker}: ${describe(reason)}`)
  }

  /** Returns the same refusal with the ids of other acknowledged messages. */
  withAcknowledged(acknowledged: ReadonlyArray<string>): MessageRefused {
    const { broker, id, reason, topic } = this
    return new MessageRefused({ broker, topic, id, reason, acknowledged })
  }
}

/**
 * The broker can't keep the rules of a broker: it is too old, or it is set up otherwise.
 *
 * @category errors
 * @since 0.1.0
 */
export class BrokerUnfit extends Schema.TaggedError<BrokerUnfit>()("BrokerUnfit", {
  broker: Schema.String,
  issue: Schema.String
}) {
  override get message() {
    return printableLine(`Cannot publish to ${this.broker}: ${this.issue}`)
  }
}

/**
 * The errors of sending messages.
 *
 * @category errors
 * @since 0.1.0
 */
export type SendError = BrokerUnavailable | BrokerUnfit | MessageRefused

/**
 * Stores messages in order.
 *
 * @category services
 * @since 0.1.0
 */
export class Broker extends Context.Service<
  Broker,
  {
    /** The name of the broker in errors and spans, such as `kafka`. */
    readonly name: string
    /**
     * Sends messages, those of a key in their order, and succeeds when each is acknowledged.
     *
     * **Details**
     * Errors: {@link BrokerUnavailable}, send all again. {@link BrokerUnfit}, send all again when
     * the broker is fit. {@link MessageRefused}, send the others again without the messages of
     * that key and without those that are acknowledged.
     */
    readonly send: (
      messages: Arr.NonEmptyReadonlyArray<OutgoingMessage>
    ) => Effect.Effect<void, SendError>
  }
>()("@daybook/publishing/Broker") {
  /**
   * Builds the service on a driver, which need only send one request after the other: messages of
   * several callers go together, and each caller gets its own answer.
   */
  static readonly make = (
    driver: Broker["Service"]
  ): Effect.Effect<Broker["Service"], never, Scope.Scope> =>
    Effect.map(
      Batching.make(
        driver,
        (cause) => new BrokerUnavailable({ broker: driver.name, operation: "send", cause })
      ),
      (send) => ({ name: driver.name, send })
    )
}
