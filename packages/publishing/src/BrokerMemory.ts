/**
 * A broker in the memory of this process, for tests and examples: the reference of all brokers.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Broker, MessageRefused, type OutgoingMessage } from "./Broker.ts"
import type { MessageSource } from "./MessageSource.ts"

/**
 * The largest message that the broker accepts unless told otherwise: bytes of its text in UTF-8
 * (1 MiB), as Kafka and NATS do.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 1_048_576

/**
 * The stored messages, for tests, and sources of them.
 *
 * @category services
 * @since 0.1.0
 */
export class BrokerMemory extends Context.Service<
  BrokerMemory,
  {
    /** The messages of a topic, in the order in which they were stored. */
    readonly stored: (topic: string) => Effect.Effect<ReadonlyArray<OutgoingMessage>>
    /** The messages of a topic for the consumers of a group, which share its progress. */
    readonly source: (options: { readonly group: string; readonly topic: string }) => MessageSource
  }
>()("@daybook/publishing/BrokerMemory") {}

/** A topic: its messages, and the consumers that wait for the next one. */
interface Topic {
  readonly messages: Array<OutgoingMessage>
  waiting: ReadonlyArray<Deferred.Deferred<void>>
}

const make = (options: { readonly maxMessageBytes?: number }) => {
  const limit = options.maxMessageBytes ?? MAX_MESSAGE_BYTES
  const topics = new Map<string, Topic>()
  const groups = new Map<string, { turn: Semaphore.Semaphore; acknowledged: number }>()
  const topicOf = (name: string): Topic =>
    getOrSet(topics, name, () => ({ messages: [], waiting: [] }))

  const store = (message: OutgoingMessage): void => {
    const stored = topicOf(message.topic)
    stored.messages.push(message)
    for (const waiting of stored.waiting) Deferred.doneUnsafe(waiting, Effect.void)
    stored.waiting = []
  }

  const send: Broker["Service"]["send"] = (messages) =>
    Effect.suspend(() => {
      for (const [index, message] of messages.entries()) {
        const { body, id, topic } = message
        const bytes = Buffer.byteLength(body)
        if (bytes > limit) {
          const reason = { _tag: "TooLarge", bytes, limit } as const
          const acknowledged = messages.slice(0, index).map((stored) => stored.id)
          return Effect.fail(
            new MessageRefused({ broker: "memory", topic, id, reason, acknowledged })
          )
        }
        store(message)
      }
      return Effect.void
    })

  const source: BrokerMemory["Service"]["source"] = ({ group, topic: name }) => {
    const topic = topicOf(name)
    const progress = getOrSet(groups, `${group} ${name}`, () => ({
      turn: Semaphore.makeUnsafe(1),
      acknowledged: 0
    }))
    const next = Effect.suspend(() => {
      const message = topic.messages[progress.acknowledged]
      if (message !== undefined) return Effect.succeed(message)
      const waiting = Deferred.makeUnsafe<void>()
      topic.waiting = [...topic.waiting, waiting]
      return Effect.as(Deferred.await(waiting), undefined)
    })
    return {
      name: `memory ${name}`,
      run: (handle) =>
        next.pipe(
          Effect.flatMap((message) =>
            message === undefined
              ? Effect.void
              : Effect.andThen(
                  handle(message),
                  Effect.sync(() => progress.acknowledged++)
                )
          ),
          Effect.forever,
          progress.turn.withPermits(1)
        )
    }
  }

  return Context.make(Broker, Broker.of({ name: "memory", send })).pipe(
    Context.add(
      BrokerMemory,
      BrokerMemory.of({
        source,
        stored: (topic) => Effect.sync(() => [...topicOf(topic).messages])
      })
    )
  )
}

const getOrSet = <V>(map: Map<string, V>, key: string, make: () => V): V => {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/**
 * An empty broker with another limit.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: {
  /** {@link MAX_MESSAGE_BYTES} by default. */
  readonly maxMessageBytes?: number
}): Layer.Layer<Broker | BrokerMemory> => Layer.effectContext(Effect.sync(() => make(options)))

/**
 * An empty broker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Broker | BrokerMemory> = layerWith({})
