/**
 * The Kafka of the tests: that of `KAFKA_BROKERS`, or one that is started for them.
 */
import * as KafkaServer from "@daybook/testing/KafkaServer"
import { Admin } from "@platformatic/kafka"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as KafkaSource from "../src/KafkaSource.ts"

/** The addresses of some brokers. */
export class Kafka extends Context.Service<Kafka, { readonly brokers: ReadonlyArray<string> }>()(
  "@daybook/publishing/test/Kafka"
) {
  static readonly layer = Layer.effect(
    Kafka,
    Effect.gen(function* () {
      const given = yield* Config.option(Config.String("KAFKA_BROKERS"))
      if (Option.isSome(given)) return { brokers: given.value.split(",") }
      const { address } = yield* KafkaServer.start()
      return { brokers: [address] }
    })
  )
}

let topics = 0

const PARTITIONS = 3

/** Makes a topic of three partitions. */
export const freshTopic = Effect.fnUntraced(function* (
  brokers: ReadonlyArray<string>,
  /** The settings of the topic by their names in Kafka. */
  settings: Record<string, string> = {}
) {
  const topic = `topic-${process.pid}-${topics++}`
  yield* withAdmin(brokers, (admin) =>
    admin.createTopics({
      topics: [topic],
      partitions: PARTITIONS,
      replicas: 1,
      configs: Object.entries(settings).map(([name, value]) => ({ name, value }))
    })
  )
  return topic
})

/** Returns the number of messages that a topic has stored. */
export const storedIn = (brokers: ReadonlyArray<string>, topic: string) =>
  withAdmin(brokers, async (admin) => {
    // By -1 Kafka means the end.
    const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: -1n
    }))
    const topics = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
    const ends = topics.flatMap((one) => one.partitions.map(({ offset }) => Number(offset)))
    return ends.reduce((sum, end) => sum + end, 0)
  })

const withAdmin = <A>(brokers: ReadonlyArray<string>, use: (admin: Admin) => Promise<A>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Admin({ clientId: "tests", bootstrapBrokers: [...brokers] })),
    (admin) => Effect.tryPromise(() => use(admin)),
    (admin) => Effect.promise(() => admin.close())
  )

export const freshSource = Effect.gen(function* () {
  const { brokers } = yield* Kafka
  const topic = yield* freshTopic(brokers)
  return {
    topic,
    source: (group: string) =>
      KafkaSource.make({ brokers, group: `${topic}-${group}`, topics: [topic] })
  }
})
