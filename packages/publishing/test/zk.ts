import * as KafkaSource from "../src/KafkaSource.ts"
import * as Effect from "effect/Effect"
import { Producer, stringSerializers, Consumer } from "@platformatic/kafka"
import { freshTopic } from "./kafka.ts"
const brokers = ["127.0.0.1:29092"]
const topic = await Effect.runPromise(freshTopic(brokers))
const p = new Producer({
  clientId: "x",
  bootstrapBrokers: brokers,
  idempotent: true,
  retries: false,
  serializers: stringSerializers
})
for (let i = 0; i < 3; i++)
  console.log(
    await p.send({ messages: [{ topic, key: "a", value: "b" + i }] }).then(
      (x) => x,
      (e) => e
    )
  )
await Effect.runPromise(
  Effect.timeout(
    KafkaSource.make({ brokers, group: topic + "g", topics: [topic] }).run((m) =>
      Effect.sync(() => console.log(m))
    ),
    "6 seconds"
  )
).catch((e) => console.log(e))
await p.close()
