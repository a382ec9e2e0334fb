/**
 * The topic of Kafka and the stream of NATS: makes them, and reads all their messages through the
 * clients alone.
 */
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Admin, Consumer, stringDeserializers } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Message } from "./observed.ts"

const PARTITIONS = 3

/** The attributes of a CloudEvent that the audit compares. */
const readBody = Schema.decodeUnknownSync(
  Schema.fromJsonString(
    Schema.Struct({ id: Schema.String, partitionkey: Schema.String, data: Schema.Unknown })
  )
)

const messageOf = (body: string): Message => {
  const { data, id, partitionkey: key } = readBody(body)
  return { id, key, data }
}

export const makeKafkaTopic = (broker: string, topic: string) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Admin({ clientId: "torture", bootstrapBrokers: [broker] })),
    (admin) =>
      Effect.tryPromise(() =>
        admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 1 })
      ),
    (admin) => Effect.promise(() => admin.close())
  )

/** Reads a topic up to the ends that its partitions have now. */
export const readKafkaTopic = (broker: string, topic: string) =>
  Effect.acquireUseRelease(
    Effect.sync(
      () =>
        new Consumer({
          clientId: "torture",
          groupId: "auditor",
          bootstrapBrokers: [broker],
          deserializers: stringDeserializers,
          autocommit: false
        })
    ),
    (consumer) =>
      Effect.tryPromise(async () => {
        const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? []
        const left = new Map(
          Array.from(ends, (end, partition) => [partition, end] as const).filter(
            ([, end]) => end > 0n
          )
        )
        const messages: Array<Message> = []
        if (left.size === 0) return messages
        const stream = await consumer.consume({ topics: [topic], mode: "earliest" })
        for await (const { offset, partition, value } of stream) {
          const end = left.get(partition)
          if (end === undefined) continue
          messages.push(messageOf(value))
          if (offset + 1n >= end) left.delete(partition)
          if (left.size === 0) break
        }
        return messages
      }),
    (consumer) => Effect.promise(() => consumer.close(true))
  )

export const makeNatsStream = (servers: string, name: string) =>
  onNats(servers, async (manager) => {
    await manager.streams.add({ name, subjects: [name], allow_atomic: true })
  })

export const readNatsStream = (servers: string, name: string) =>
  onNats(servers, async (manager) => {
    const { state } = await manager.streams.info(name)
    const messages: Array<Message> = []
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const stored = await manager.streams.getMessage(name, { seq })
      if (stored !== null) messages.push(messageOf(stored.string()))
    }
    return messages
  })

type Manager = Awaited<ReturnType<typeof jetstreamManager>>

const onNats = <A>(servers: string, use: (manager: Manager) => Promise<A>) =>
  Effect.acquireUseRelease(
    Effect.tryPromise(() => connect({ servers })),
    (connection) => Effect.tryPromise(async () => use(await jetstreamManager(connection))),
    (connection) => Effect.promise(() => connection.close())
  )
