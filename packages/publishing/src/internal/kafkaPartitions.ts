/**
 * The partitions of messages, and those that a failed request has stored messages in.
 */
import { type ClusterMetadata, defaultPartitioner, MultipleErrors } from "@platformatic/kafka"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { OutgoingMessage } from "../Broker.ts"

/** A message and its partition, which the key selects as in the Java client. */
export interface Placed {
  readonly message: OutgoingMessage
  readonly partition: number
}

/** Finds the partition of each message. Throws unless the metadata has all their topics. */
export const place = (
  messages: ReadonlyArray<OutgoingMessage>,
  { topics }: Pick<ClusterMetadata, "topics">
): ReadonlyArray<Placed> =>
  messages.map((message) => {
    const { key, topic } = message
    const count = topics.get(topic)?.partitionsCount
    if (count === undefined) throw new Error(`no metadata of topic ${topic}`)
    return { message, partition: defaultPartitioner({ topic }, Buffer.from(key)) % count }
  })

/**
 * Returns the messages that the cluster has stored although their request failed: each partition
 * has an answer of its own, and stores all of its messages or none.
 */
export const acknowledgedOf = (
  placed: ReadonlyArray<Placed>,
  cause: unknown
): ReadonlyArray<OutgoingMessage> => {
  const stored = storedIn(cause)
  return stored.size === 0
    ? []
    : placed
        .filter(({ message, partition }) => stored.has(nameOf(message.topic, partition)))
        .map(({ message }) => message)
}

const nameOf = (topic: string, partition: number): string => `${topic} ${partition}`

/** The results of the nodes that stored all of their part. */
const Produced = Schema.Struct({
  offsets: Schema.Array(Schema.Struct({ topic: Schema.String, partition: Schema.Int }))
})

/** The answer of a node that did not store a part. */
const Response = Schema.Struct({
  responses: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      partitionResponses: Schema.Array(
        Schema.Struct({
          index: Schema.Int,
          errorCode: Schema.Int,
          recordErrors: Schema.Array(Schema.Unknown)
        })
      )
    })
  )
})

const decodeProduced = Schema.decodeUnknownOption(Produced)
const decodeResponse = Schema.decodeUnknownOption(Response)

/** Returns the names of the partitions whose messages an error says to be stored. */
const storedIn = (cause: unknown): ReadonlySet<string> => {
  const stored = new Set<string>()
  const errors: Array<unknown> = [cause]
  for (const error of errors) {
    if (!(error instanceof MultipleErrors)) continue
    const causes: ReadonlyArray<unknown> = error.errors
    errors.push(...causes)
    // The client adds both properties without types.
    const produced: unknown = error["produced"]
    const response: unknown = error["response"]
    const offsets = Option.toArray(decodeProduced(produced)).flatMap((one) => one.offsets)
    for (const { partition, topic } of offsets) stored.add(nameOf(topic, partition))
    const topics = Option.toArray(decodeResponse(response)).flatMap((one) => one.responses)
    for (const { name, partitionResponses } of topics) {
      for (const { errorCode, index, recordErrors } of partitionResponses) {
        if (errorCode === 0 && recordErrors.length === 0) stored.add(nameOf(name, index))
      }
    }
  }
  return stored
}
