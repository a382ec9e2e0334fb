import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Broker, MessageRefused, type OutgoingMessage } from "../src/Broker.ts"
import * as KafkaBroker from "../src/KafkaBroker.ts"
import { inboxCases } from "./inboxCases.ts"
import { freshSource, freshTopic, Kafka, storedIn } from "./kafka.ts"
import { publisherCases } from "./publisherCases.ts"

const broker = Layer.unwrap(Effect.map(Kafka, ({ brokers }) => KafkaBroker.layer({ brokers })))

const services = Layer.provideMerge(broker, Kafka.layer)

LawSuite.suite("KafkaBroker", BrokerLaws.laws({ fresh: freshSource }), services)

publisherCases("Publishers on Kafka", freshSource, services)

inboxCases("Inboxes on Kafka", freshSource, services)

layer(services, { timeout: 120_000, excludeTestServices: true })("A refusal of Kafka", (it) => {
  it.effect("lists what other partitions stored, which is not sent again", () =>
    Effect.gen(function* () {
      const { brokers } = yield* Kafka
      const wide = yield* freshTopic(brokers)
      const narrow = yield* freshTopic(brokers, { "max.message.bytes": "1000" })
      const messages = Arr.makeBy(30, (n): OutgoingMessage => {
        const body = JSON.stringify(n === 15 ? "x".repeat(2_000) : n)
        return { topic: n % 3 === 0 ? narrow : wide, key: `k${n}`, id: `m${n}`, body }
      })
      const broker = yield* Broker
      // Topics that are new are not known to every broker at once.
      yield* Effect.retry(
        broker.send([
          { topic: wide, key: "first", id: "first", body: "0" },
          { topic: narrow, key: "first", id: "first", body: "0" }
        ]),
        {
          while: ({ _tag }) => _tag === "BrokerUnavailable",
          schedule: Schedule.spaced("50 millis")
        }
      )
      const before = [yield* storedIn(brokers, wide), yield* storedIn(brokers, narrow)]
      const refused = yield* Effect.flip(broker.send(messages))
      assert.instanceOf(refused, MessageRefused)
      assert.strictEqual(refused.id, "m15")
      assert.includeMembers(
        [...refused.acknowledged],
        messages.filter(({ topic }) => topic === wide).map(({ id }) => id)
      )
      const after = [yield* storedIn(brokers, wide), yield* storedIn(brokers, narrow)]
      assert.deepStrictEqual(
        after.map((count, index) => count - (before[index] ?? 0)),
        [20, refused.acknowledged.length - 20]
      )
    })
  )
})
