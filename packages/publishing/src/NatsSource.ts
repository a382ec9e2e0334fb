/**
 * The messages of a JetStream stream for one durable consumer.
 *
 * @since 0.1.0
 */
import { AckPolicy, DeliverPolicy, jetstreamManager, type JsMsg } from "@nats-io/jetstream"
import { nanos, type NodeConnectionOptions } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { BrokerUnavailable } from "./Broker.ts"
import { call, connect, requireVersion } from "./internal/natsClient.ts"
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
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: NatsSourceOptions): MessageSource => ({
  name: `nats ${options.durable}`,
  run: (handle) =>
    Effect.scoped(
      Effect.gen(function* () {
        const ackWaitMillis = options.ackWaitMillis ?? 30_000
        const connection = yield* connect(options.connection)
        yield* requireVersion(connection)
        const manager = yield* call("connect", () =>
          jetstreamManager(connection, { checkAPI: false })
        )
        yield* call("receive", () =>
          manager.consumers.add(options.stream, {
            durable_name: options.durable,
            ack_policy: AckPolicy.Explicit,
            deliver_policy: DeliverPolicy.All,
            max_ack_pending: 1,
            ack_wait: nanos(ackWaitMillis),
            ...(options.subjects === undefined ? {} : { filter_subjects: [...options.subjects] })
          })
        )
        const consumer = yield* call("receive", () =>
          manager.jetstream().consumers.get(options.stream, options.durable)
        )
        const received = yield* Effect.acquireRelease(
          call("receive", () => consumer.consume({ max_messages: 1 })),
          // `close` would wait until the messages that it has are taken.
          (open) => Effect.sync(() => open.stop())
        )
        const messages = received[Symbol.asyncIterator]()
        const next = Effect.flatMap(
          call("receive", () => messages.next()),
          ({ done, value }) =>
            done === true
              ? Effect.fail(
                  new BrokerUnavailable({
                    broker: "nats",
                    operation: "receive",
                    cause: new Error("the consumer was closed")
                  })
                )
              : Effect.succeed(value)
        )
        return yield* Effect.forever(
          Effect.flatMap(next, (message) =>
            handle({ topic: message.subject, body: message.string() }).pipe(
              Effect.raceFirst(keep(message, ackWaitMillis)),
              // One that is not acknowledged comes again at once, here or elsewhere.
              Effect.onExit((exit) =>
                Effect.sync(() => (Exit.isSuccess(exit) ? message.ack() : message.nak()))
              )
            )
          )
        )
      })
    )
})

/** Tells the server from time to time that the message is still at work. */
const keep = (message: JsMsg, ackWaitMillis: number): Effect.Effect<never> =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(ackWaitMillis / 3),
      Effect.sync(() => message.working())
    )
  )
