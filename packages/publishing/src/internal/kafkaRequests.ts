/**
 * Requests of messages to Kafka, and the message that the cluster refuses.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type BrokerUnavailable, MessageRefused, type OutgoingMessage } from "../Broker.ts"
import { tooLarge } from "./chunks.ts"
import { isTooLarge, isUnknownTopic, refusalOf } from "./kafkaClient.ts"

/**
 * The time for which a topic stays unknown before its messages are refused. A broker that has just
 * started, or that has not heard of a new topic yet, does not know topics that exist.
 */
const UNKNOWN_TOPIC_MILLIS = 30_000

/** Sends messages by `request`, whose failures say nothing about the message at fault. */
export const make = (options: {
  readonly maxBytes: number
  readonly request: (
    messages: ReadonlyArray<OutgoingMessage>
  ) => Effect.Effect<unknown, BrokerUnavailable>
}) => {
  const { maxBytes, request } = options
  const unknown = unknownTopics()

  const refused = (message: OutgoingMessage, reason = tooLarge(message, maxBytes)) =>
    new MessageRefused({ broker: "kafka", topic: message.topic, id: message.id, reason })

  const send = (
    messages: ReadonlyArray<OutgoingMessage>
  ): Effect.Effect<void, BrokerUnavailable | MessageRefused> =>
    Effect.gen(function* () {
      const unavailable = yield* Effect.match(request(messages), {
        onFailure: (error) => error,
        onSuccess: () => undefined
      })
      if (unavailable === undefined) return unknown.found(messages)
      const [first, second] = messages
      const { cause } = unavailable
      const reason = isTooLarge(cause) ? undefined : refusalOf(cause)
      if (first === undefined || (reason === undefined && !isTooLarge(cause))) {
        return yield* unavailable
      }
      if (isUnknownTopic(cause) && !unknown.failed(messages, yield* Clock.currentTimeMillis)) {
        return yield* unavailable
      }
      if (second === undefined) return yield* refused(first, reason)
      // The cluster does not tell which message it refuses.
      const half = Math.ceil(messages.length / 2)
      yield* send(messages.slice(0, half))
      yield* send(messages.slice(half))
    })

  return { send, refused }
}

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
