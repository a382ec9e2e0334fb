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

/** Makes a topic of three partitions. */
export const freshTopic = Effect.fnUntraced(function* (brokers: ReadonlyArray<string>) {
  const topic = `topic-${process.pid}-${topics++}`
  yield* Effect.acquireUseRelease(
    Effect.sync(() => new Admin({ clientId: "tests", bootstrapBrokers: [...brokers] })),
    (admin) =>
      Effect.tryPromise(() => admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })),
    (admin) => Effect.promise(() => admin.close())
  )
  return topic
})

export const freshSource = Effect.gen(function* () {
  const { brokers } = yield* Kafka
  const topic = yield* freshTopic(brokers)
  return {
    topic,
    source: (group: string) =>
      KafkaSource.make({ brokers, group: `${topic}-${group}`, topics: [topic] })
  }
})
