/**
 * The consumer of `NatsSource`, in a module of its own because it imports optional peers.
 */
import { AckPolicy, DeliverPolicy, jetstreamManager, type JsMsg } from "@nats-io/jetstream"
import { nanos } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { BrokerUnavailable, type BrokerUnfit } from "../Broker.ts"
import type { IncomingMessage } from "../MessageSource.ts"
import type { NatsSourceOptions } from "../NatsSource.ts"
import { call, connect, requireVersion } from "./natsClient.ts"

export const run = <E, R>(
  options: NatsSourceOptions,
  handle: (message: IncomingMessage) => Effect.Effect<void, E, R>
): Effect.Effect<never, E | BrokerUnavailable | BrokerUnfit, R> =>
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

/** Tells the server from time to time that the message is still at work. */
const keep = (message: JsMsg, ackWaitMillis: number): Effect.Effect<never> =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(ackWaitMillis / 3),
      Effect.sync(() => message.working())
    )
  )
