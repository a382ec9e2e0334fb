/**
 * Requests of messages to Kafka, and the message that the cluster refuses.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import {
  BrokerUnavailable,
  MessageRefused,
  type OutgoingMessage,
  type RefusalReason
} from "../Broker.ts"
import { chunksOf, tooLarge } from "./chunks.ts"
import { isTooLarge, isUnknownTopic, refusalOf } from "./kafkaClient.ts"

/**
 * The time for which a topic stays unknown before its messages are refused. A broker that has just
 * started, or that has not heard of a new topic yet, does not know topics that exist.
 */
const UNKNOWN_TOPIC_MILLIS = 30_000

/** A request failed. It does not tell the message at fault. */
export class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly cause: unknown
  /** The messages that the cluster has stored all the same: those of other partitions. */
  readonly acknowledged: ReadonlyArray<OutgoingMessage>
}> {}

/** Makes a function that sends messages in order, by one request after another. */
export const make = (options: {
  readonly maxBytes: number
  readonly request: (
    messages: ReadonlyArray<OutgoingMessage>
  ) => Effect.Effect<unknown, RequestFailed>
}) => {
  const { maxBytes, request } = options
  const unknown = unknownTopics()

  /** Sends what is not acknowledged yet of the messages of a request. */
  const sendChunk = (
    messages: ReadonlyArray<OutgoingMessage>,
    acknowledged: Set<OutgoingMessage>
  ): Effect.Effect<void, BrokerUnavailable | Refusal> =>
    Effect.gen(function* () {
      const left = messages.filter((message) => !acknowledged.has(message))
      const [first, second] = left
      if (first === undefined) return
      const failed = yield* Effect.match(request(left), {
        onFailure: (error) => error,
        onSuccess: () => undefined
      })
      for (const message of failed?.acknowledged ?? left) acknowledged.add(message)
      if (failed === undefined) return unknown.found(left)
      const { cause } = failed
      const reason = isTooLarge(cause) ? undefined : refusalOf(cause)
      const isRefused = reason !== undefined || isTooLarge(cause)
      if (
        !isRefused ||
        (isUnknownTopic(cause) && !unknown.failed(left, yield* Clock.currentTimeMillis))
      ) {
        return yield* new BrokerUnavailable({ broker: "kafka", operation: "send", cause })
      }
      if (second === undefined) {
        return yield* new Refusal({ message: first, reason: reason ?? tooLarge(first, maxBytes) })
      }
      // The cluster does not tell which message of a partition it refuses.
      const half = Math.ceil(left.length / 2)
      yield* sendChunk(left.slice(0, half), acknowledged)
      yield* sendChunk(left.slice(half), acknowledged)
    })

  const send = (
    messages: ReadonlyArray<OutgoingMessage>
  ): Effect.Effect<void, BrokerUnavailable | MessageRefused> =>
    Effect.suspend(() => {
      const acknowledged = new Set<OutgoingMessage>()
      const { chunks, excessive } = chunksOf(messages, {
        maxBytes,
        maxMessageBytes: maxBytes,
        maxMessages: messages.length
      })
      return Effect.forEach(chunks, (chunk) => sendChunk(chunk, acknowledged), {
        discard: true
      }).pipe(
        Effect.andThen(
          excessive === undefined
            ? Effect.void
            : new Refusal({ message: excessive, reason: tooLarge(excessive, maxBytes) })
        ),
        Effect.catchTag("Refusal", ({ message: { id, topic }, reason }) => {
          const ids = Array.from(acknowledged, (message) => message.id)
          return Effect.fail(
            new MessageRefused({ broker: "kafka", topic, id, reason, acknowledged: ids })
          )
        })
      )
    })

  return { send }
}

/** A message that the cluster does not accept. */
class Refusal extends Data.TaggedError("Refusal")<{
  readonly message: OutgoingMessage
  readonly reason: RefusalReason
}> {}

/** The topics of requests that failed by an unknown topic, and of none that succeeded since. */
const unknownTopics = () => {
  const topics = new Map<string, { readonly since: number; readonly last: number }>()
  return {
    found: (messages: ReadonlyArray<OutgoingMessage>): void => {
      for (const { topic } of messages) topics.delete(topic)
    },
    /** Returns true when one of the topics has been unknown for so long that it does not exist. */
    failed: (messages: ReadonlyArray<OutgoingMessage>, now: number): boolean => {
      let lasts = false
      for (const { topic } of messages) {
        const known = topics.get(topic)
        // After a pause without requests the time begins again.
        const goesOn = known !== undefined && now - known.last <= UNKNOWN_TOPIC_MILLIS
        const since = goesOn ? known.since : now
        topics.set(topic, { since, last: now })
        if (now - since >= UNKNOWN_TOPIC_MILLIS) lasts = true
      }
      return lasts
    }
  }
}
