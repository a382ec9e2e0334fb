/**
 * Brokers that are killed, and a network that is cut, while a publisher is at work.
 */
import * as KafkaServer from "@daybook/testing/KafkaServer"
import * as NatsServer from "@daybook/testing/NatsServer"
import type { Topic } from "@daybook/testing/contracts/BrokerLaws"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Broker } from "../src/Broker.ts"
import * as KafkaBroker from "../src/KafkaBroker.ts"
import * as KafkaSource from "../src/KafkaSource.ts"
import * as NatsBroker from "../src/NatsBroker.ts"
import * as NatsSource from "../src/NatsSource.ts"
import { freshTopic } from "./kafka.ts"
import { freshStream, leaderOf, stepDown } from "./nats.ts"
import { parcelsOf, scan, scansTo } from "./parcels.ts"
import { startProxy } from "./proxy.ts"
import { assertPublished, eventually, host, log } from "./publisherCases.ts"

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(":") + 1))

/** Publishes while the broker is killed, while it is away and while the network is cut. */
const survives = Effect.fnUntraced(function* <E>(
  topic: Topic,
  faults: {
    readonly kill: Effect.Effect<void, E>
    readonly start: Effect.Effect<void, E>
    readonly cut: () => void
    readonly mend: () => void
  }
) {
  const parcels = parcelsOf("parcel")
  const publisher = scansTo(parcels, topic.topic)
  let n = 0
  const append = Effect.suspend(() => scan(parcels, `p${n % 11}`, n++))
  const some = Effect.repeat(append, { times: 99 })
  yield* host(publisher)
  yield* some
  yield* Effect.all([some, faults.kill], { concurrency: "unbounded" })
  yield* some
  yield* Effect.all([some, faults.start], { concurrency: "unbounded" })
  yield* Effect.all([some, Effect.sync(faults.cut)], { concurrency: "unbounded" })
  // Another host takes over what the first one has on its way.
  yield* host(publisher)
  yield* some
  yield* Effect.sync(faults.mend)
  yield* some
  yield* eventually(publisher.group.name, ({ lagEvents }) => lagEvents === 0)
  yield* assertPublished(topic, publisher, parcels)
})

const on = <A, E, R, F>(program: Effect.Effect<A, E, R>, broker: Layer.Layer<Broker, F>) =>
  program.pipe(Effect.provide(Layer.merge(log, broker)), Effect.scoped)

it.live("Kafka is killed and cut off: nothing is lost, and no key is out of order", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const proxy = yield* startProxy
      const server = yield* KafkaServer.start({ advertisedPort: proxy.port })
      proxy.to(server.port)
      const brokers = [server.address]
      const topic = yield* Effect.retry(freshTopic(brokers), { times: 10 })
      const source = (group: string) => KafkaSource.make({ brokers, group, topics: [topic] })
      yield* on(
        survives({ topic, source }, { ...server, ...proxy }),
        KafkaBroker.layer({ brokers })
      )
    })
  )
)

it.live("NATS is killed and cut off: nothing is lost, and no key is out of order", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const proxy = yield* startProxy
      const server = yield* NatsServer.start
      proxy.to(portOf(server.address))
      const topic = yield* freshStream(server.address)
      const source = (durable: string) =>
        NatsSource.make({ connection: { servers: server.address }, stream: topic, durable })
      yield* on(
        survives({ topic, source }, { ...server, ...proxy }),
        NatsBroker.layer({ servers: `127.0.0.1:${proxy.port}` })
      )
    })
  )
)

it.live("The leader of a NATS stream moves and is killed: nothing is lost or out of order", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const members = yield* NatsServer.startCluster(["one", "two", "three"])
      const servers = Object.values(members).map(({ address }) => address)
      const again = Effect.retry({ schedule: Schedule.spaced("100 millis") })
      const topic = yield* again(freshStream(servers, { replicas: 3 }))
      const source = (durable: string) =>
        NatsSource.make({ connection: { servers }, stream: topic, durable })
      const parcels = parcelsOf("replicated")
      const publisher = scansTo(parcels, topic)
      const some = (turn: number) =>
        Effect.forEach(
          Array.from({ length: 100 }, (_, n) => 100 * turn + n),
          (n) => scan(parcels, `p${n % 11}`, n),
          { discard: true }
        )
      const leader = again(
        Effect.flatMap(leaderOf(servers, topic), (name) =>
          Effect.fromOption(Option.fromUndefinedOr(members[name ?? ""]))
        )
      )
      const publishing = Effect.gen(function* () {
        yield* host(publisher)
        yield* some(0)
        yield* Effect.all([some(1), stepDown(servers, topic)], { concurrency: "unbounded" })
        const killed = yield* leader
        yield* Effect.all([some(2), killed.kill], { concurrency: "unbounded" })
        yield* some(3)
        yield* Effect.all([some(4), killed.start], { concurrency: "unbounded" })
        yield* Effect.all([some(5), again(stepDown(servers, topic))], { concurrency: "unbounded" })
        yield* eventually(publisher.group.name, ({ lagEvents }) => lagEvents === 0)
        yield* assertPublished({ topic, source }, publisher, parcels)
      })
      yield* on(publishing, NatsBroker.layer({ servers }))
    })
  )
)
