/**
 * The consumer of `KafkaSource`, in a module of its own because it imports an optional peer.
 */
import { Consumer, type Message, type MessagesStream } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import { BrokerUnavailable } from "../Broker.ts"
import type { KafkaSourceOptions } from "../KafkaSource.ts"
import type { IncomingMessage } from "../MessageSource.ts"
import { baseOptions, bodyOf, call } from "./kafkaClient.ts"

/** The most messages that are handled before their offsets are committed. */
const MAX_BATCH = 100

/** A message as the client delivers it without deserializers. */
type Received = Message<Buffer, Buffer, Buffer, Buffer>

export const run = <E, R>(
  options: KafkaSourceOptions,
  handle: (message: IncomingMessage) => Effect.Effect<void, E, R>
): Effect.Effect<never, E | BrokerUnavailable, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const sessionTimeout = options.sessionTimeoutMillis ?? 10_000
      const consumer = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new Consumer({
              ...baseOptions(options),
              // A group that is new has no coordinator yet.
              retries: true,
              groupId: options.group,
              sessionTimeout,
              rebalanceTimeout: sessionTimeout,
              heartbeatInterval: Math.ceil(sessionTimeout / 5),
              autocommit: false
            })
        ),
        (open) => Effect.ignore(Effect.promise(() => open.close(true)))
      )
      const stream = yield* call("receive", () =>
        consumer.consume({
          topics: [...options.topics],
          mode: "committed",
          fallbackMode: "earliest",
          maxWaitTime: 100
        })
      )
      const handlePartition = Effect.fnUntraced(function* (messages: ReadonlyArray<Received>) {
        for (const { topic, value } of messages) yield* handle({ topic, body: bodyOf(value) })
        const last = messages.at(-1)
        if (last === undefined) return
        const { leaderEpoch, offset, partition, topic } = last
        yield* call("receive", () =>
          consumer.commit({ offsets: [{ topic, partition, offset: offset + 1n, leaderEpoch }] })
        )
      })
      return yield* Effect.forever(
        Effect.flatMap(nextBatch(stream), (batch) =>
          Effect.forEach(byPartition(batch), handlePartition, {
            concurrency: "unbounded",
            discard: true
          })
        )
      )
    })
  )

const byPartition = (messages: ReadonlyArray<Received>): ReadonlyArray<ReadonlyArray<Received>> => [
  ...Map.groupBy(messages, ({ partition, topic }) => `${partition} ${topic}`).values()
]

/** Waits for messages; takes those that are there. */
const nextBatch = (
  stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>
): Effect.Effect<ReadonlyArray<Received>, BrokerUnavailable> =>
  Effect.callback<ReadonlyArray<Received>, unknown>((resume) => {
    const stop = () => {
      stream.off("readable", look).off("error", failed).off("close", closed)
    }
    const failed = (cause: unknown) => {
      stop()
      resume(Effect.fail(cause))
    }
    const closed = () => failed(new Error("the stream of messages was closed"))
    const look = () => {
      const batch = takeBuffered(stream)
      if (batch.length === 0) return
      stop()
      resume(Effect.succeed(batch))
    }
    stream.on("readable", look).on("error", failed).on("close", closed)
    look()
    return Effect.sync(stop)
  }).pipe(
    Effect.mapError(
      (cause) => new BrokerUnavailable({ broker: "kafka", operation: "receive", cause })
    )
  )

const takeBuffered = (
  stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>
): ReadonlyArray<Received> => {
  const batch: Array<Received> = []
  while (batch.length < MAX_BATCH) {
    // Node types `read` as any; this stream has messages only.
    const message = stream.read() as Received | null
    if (message === null) return batch
    batch.push(message)
  }
  return batch
}
