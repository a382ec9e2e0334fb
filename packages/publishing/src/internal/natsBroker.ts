/**
 * The client of `NatsBroker`, in a module of its own because it imports optional peers.
 */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import {
  headers,
  type NatsConnection,
  type NodeConnectionOptions,
  nuid
} from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import {
  Broker,
  BrokerUnavailable,
  BrokerUnfit,
  MessageRefused,
  type OutgoingMessage,
  type SendError
} from "../Broker.ts"
import * as IntegrationMessage from "../IntegrationMessage.ts"
import { chunksOf, tooLarge } from "./chunks.ts"
import {
  call,
  connect,
  isAtomicDisabled,
  isTransient,
  readAnswer,
  requireVersion
} from "./natsClient.ts"

/** The most messages of a batch: the server's own limit by default. */
const MAX_BATCH = 1_000
/** The most bytes of a batch, which the server holds in memory until the batch is whole. */
const MAX_BATCH_BYTES = 8_388_608
/** The most keys whose messages are sent at once when they are sent one by one. */
const KEYS_AT_ONCE = 64

export const layer = (options: NodeConnectionOptions): Layer.Layer<Broker> =>
  Layer.effect(
    Broker,
    Effect.gen(function* () {
      const connected = yield* lazily(options)
      /** The streams by subject, as far as they are known. */
      const streams = new Map<string, string>()

      const send = Effect.fnUntraced(function* (messages: ReadonlyArray<OutgoingMessage>) {
        const { connection, manager } = yield* connected
        // The client may have reconnected to another server.
        const { max_payload: maxMessageBytes } = yield* requireVersion(connection)
        const stored: Array<string> = []
        for (const run of yield* byStream(messages, streamOf(manager, streams))) {
          const { chunks, excessive } = chunksOf(run, {
            maxBytes: MAX_BATCH_BYTES,
            maxMessageBytes,
            maxMessages: MAX_BATCH
          })
          for (const chunk of chunks) {
            yield* Effect.mapError(sendChunk(connection, chunk), (error) =>
              error._tag === "MessageRefused" ? error.withAcknowledged(stored) : error
            )
            for (const { id } of chunk) stored.push(id)
          }
          if (excessive !== undefined) {
            return yield* refused(excessive, tooLarge(excessive, maxMessageBytes), stored)
          }
        }
      })
      return yield* Broker.make({
        name: "nats",
        send: (messages) =>
          // A stream that gave up a subject is found again by the next attempt.
          Effect.tapError(send(messages), () => Effect.sync(() => streams.clear()))
      })
    })
  )

/** Connects when the connection is first needed, and again when the client gave it up. */
const lazily = Effect.fnUntraced(function* (options: NodeConnectionOptions) {
  const scope = yield* Scope.Scope
  const turn = Semaphore.makeUnsafe(1)
  let current:
    | { readonly connection: NatsConnection; readonly manager: JetStreamManager }
    | undefined
  const open = Effect.gen(function* () {
    const connection = yield* Scope.provide(connect(options), scope)
    const manager = yield* call("connect", () => jetstreamManager(connection, { checkAPI: false }))
    current = { connection, manager }
    return current
  })
  return turn.withPermits(1)(
    Effect.suspend(() =>
      current === undefined || current.connection.isClosed() ? open : Effect.succeed(current)
    )
  )
})

const refused = (
  { id, topic }: OutgoingMessage,
  reason: MessageRefused["reason"],
  // Those of a chunk that is sent one by one are not told: the server drops them by their ids.
  acknowledged: ReadonlyArray<string> = []
): MessageRefused => new MessageRefused({ broker: "nats", topic, id, reason, acknowledged })

/** Finds the stream that stores the subject of a message. */
const streamOf =
  (manager: JetStreamManager, known: Map<string, string>) =>
  (message: OutgoingMessage): Effect.Effect<string, BrokerUnavailable | MessageRefused> => {
    const { topic } = message
    const found = known.get(topic)
    if (found !== undefined) return Effect.succeed(found)
    return call("send", () => manager.streams.find(topic)).pipe(
      Effect.tap((stream) => Effect.sync(() => known.set(topic, stream))),
      Effect.mapError((unavailable) =>
        isNoStream(unavailable.cause) ? refused(message, { _tag: "UnknownTopic" }) : unavailable
      )
    )
  }

/** The client states it in its message only. */
const isNoStream = (cause: unknown): boolean =>
  cause instanceof Error && cause.message.includes("no stream matches subject")

/** Divides the messages into runs of one stream each: a batch has one. */
const byStream = Effect.fnUntraced(function* <E>(
  messages: ReadonlyArray<OutgoingMessage>,
  find: (message: OutgoingMessage) => Effect.Effect<string, E>
) {
  const runs: Array<Array<OutgoingMessage>> = []
  let last: string | undefined
  for (const message of messages) {
    const stream = yield* find(message)
    if (stream === last) runs.at(-1)?.push(message)
    else runs.push([message])
    last = stream
  }
  return runs
})

/**
 * Stores the messages all or none. Sends them one by one when the server refuses the batch: it
 * doesn't tell the message, which may also be one that it has stored before.
 */
const sendChunk = (
  connection: NatsConnection,
  messages: ReadonlyArray<OutgoingMessage>
): Effect.Effect<void, SendError> =>
  messages.length === 1
    ? sendSingly(connection, messages)
    : Effect.catchTag(
        sendBatch(connection, messages),
        "Refused",
        (answer): Effect.Effect<void, SendError> => {
          if (isTransient(answer)) return Effect.fail(unavailable(answer))
          if (isAtomicDisabled(answer)) {
            const issue = `the stream of ${messages[0]?.topic} does not allow atomic batches`
            return Effect.fail(new BrokerUnfit({ broker: "nats", issue }))
          }
          return sendSingly(connection, messages)
        }
      )

const unavailable = (cause: unknown): BrokerUnavailable =>
  new BrokerUnavailable({ broker: "nats", operation: "send", cause })

/** Sends the messages of a key one after the other, each after the one before is acknowledged. */
const sendSingly = (
  connection: NatsConnection,
  messages: ReadonlyArray<OutgoingMessage>
): Effect.Effect<void, SendError> =>
  Effect.forEach(
    Map.groupBy(messages, ({ key }) => key).values(),
    (ofKey) => Effect.forEach(ofKey, (message) => sendOne(connection, message), { discard: true }),
    { concurrency: KEYS_AT_ONCE, discard: true }
  )

const sendOne = (
  connection: NatsConnection,
  message: OutgoingMessage
): Effect.Effect<void, SendError> =>
  call("send", () =>
    connection.request(message.topic, message.body, {
      headers: headersOf(message),
      timeout: ANSWER_TIMEOUT_MILLIS
    })
  ).pipe(
    Effect.flatMap((answer) => readAnswer(answer.string())),
    Effect.mapError((error) => {
      if (error._tag === "BrokerUnavailable") return error
      if (isTransient(error)) return unavailable(error)
      return refused(message, { _tag: "Rejected", issue: error.description })
    })
  )

/**
 * Sends a batch as ADR-50 of NATS describes it. The client's own batch does not tell the error with
 * which the server refuses one.
 */
const sendBatch = (connection: NatsConnection, messages: ReadonlyArray<OutgoingMessage>) =>
  Effect.flatMap(
    call("send", async () => {
      const batch = nuid.next()
      const commit = messages.length - 1
      for (const [index, message] of messages.entries()) {
        const sent = headersOf(message)
        sent.set("Nats-Batch-Id", batch)
        sent.set("Nats-Batch-Sequence", String(index + 1))
        if (index < commit) connection.publish(message.topic, message.body, { headers: sent })
        else {
          sent.set("Nats-Batch-Commit", "1")
          return connection.request(message.topic, message.body, {
            headers: sent,
            timeout: ANSWER_TIMEOUT_MILLIS
          })
        }
      }
      throw new Error("a batch without messages")
    }),
    (answer) => readAnswer(answer.string())
  )

/** The time after which a lost answer is noticed. */
const ANSWER_TIMEOUT_MILLIS = 5_000

const headersOf = ({ id }: OutgoingMessage) => {
  const made = headers()
  made.set("Nats-Msg-Id", id)
  made.set("Content-Type", IntegrationMessage.CONTENT_TYPE)
  return made
}
