/**
 * `pnpm bench:publishing`: a publisher to Kafka and to NATS beside the client of each alone.
 *
 * Publisher and client send the same messages to a new topic, in turns, with the same
 * acknowledgement. The log and the groups are in memory, so that what is compared is the way from
 * an event to the acknowledgement, and not a database.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import { Category, StreamId } from "@daybook/kernel/StreamId"
import { Broker, type OutgoingMessage } from "@daybook/publishing/Broker"
import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as KafkaBroker from "@daybook/publishing/KafkaBroker"
import * as NatsBroker from "@daybook/publishing/NatsBroker"
import * as Publisher from "@daybook/publishing/Publisher"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as KafkaServer from "@daybook/testing/KafkaServer"
import * as NatsServer from "@daybook/testing/NatsServer"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Admin, Producer, stringSerializers } from "@platformatic/kafka"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const STREAMS = 1_000
const EVENTS_OF_STREAM = 20
const TURNS = 2
/** The messages of a request of the client alone: the window of a publisher. */
const WINDOW = 500

const notes = {
  category: Category.make("note"),
  codec: EventCodec.make({
    name: "note",
    events: Schema.TaggedUnion({ Noted: { n: Schema.Int, text: Schema.String } })
  })
}

const publisherTo = (topic: string) =>
  Publisher.make({
    name: topic,
    origin: "/bench",
    sources: [notes],
    window: WINDOW,
    toMessages: ({ n, text }) => [{ topic, type: "note", data: { n, text } }]
  })

const fill = Effect.gen(function* () {
  const store = yield* EventStore
  for (let stream = 0; stream < STREAMS; stream++) {
    const events = Arr.makeBy(EVENTS_OF_STREAM, (n) => ({
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      type: "Noted",
      schemaVersion: 1,
      data: { n, text: "x".repeat(100) },
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    }))
    const streamId = StreamId.make(`note-${stream}`)
    yield* store.append({ streamId, expected: ExpectedRevision.noStream, events })
  }
})

/** A broker, and its client alone. */
interface Subject {
  readonly name: string
  readonly broker: Layer.Layer<Broker>
  readonly makeTopic: (topic: string) => Promise<unknown>
  readonly sendAlone: (messages: ReadonlyArray<OutgoingMessage>) => Promise<void>
}

const kafka = Effect.gen(function* () {
  const { address } = yield* KafkaServer.start()
  const base = { clientId: "bench", bootstrapBrokers: [address] }
  const admin = yield* Effect.acquireRelease(
    Effect.sync(() => new Admin(base)),
    (open) => Effect.promise(() => open.close())
  )
  const producer = yield* Effect.acquireRelease(
    Effect.sync(() => new Producer({ ...base, idempotent: true, serializers: stringSerializers })),
    (open) => Effect.promise(() => open.close())
  )
  const subject: Subject = {
    name: "Kafka",
    broker: Layer.orDie(KafkaBroker.layer({ brokers: [address] })),
    makeTopic: (topic) => admin.createTopics({ topics: [topic], partitions: 6, replicas: 1 }),
    sendAlone: async (messages) => {
      for (const chunk of Arr.chunksOf(messages, WINDOW)) {
        await producer.send({
          messages: chunk.map(({ body, key, topic }) => ({ topic, key, value: body }))
        })
      }
    }
  }
  return subject
})

const nats = Effect.gen(function* () {
  const { address: servers } = yield* NatsServer.start
  const connection = yield* Effect.acquireRelease(
    Effect.promise(() => connect({ servers })),
    (open) => Effect.promise(() => open.close())
  )
  const manager = yield* Effect.promise(() => jetstreamManager(connection))
  const client = jetstream(connection)
  const subject: Subject = {
    name: "NATS",
    broker: Layer.orDie(NatsBroker.layer({ servers })),
    makeTopic: (topic) =>
      manager.streams.add({ name: topic, subjects: [topic], allow_atomic: true }),
    sendAlone: async (messages) => {
      for (const chunk of Arr.chunksOf(messages, WINDOW)) {
        await Promise.all(
          chunk.map(({ body, id, topic }) => client.publish(topic, body, { msgID: id }))
        )
      }
    }
  }
  return subject
})

const memory: Subject = {
  name: "memory (no broker)",
  broker: BrokerMemory.layer,
  makeTopic: () => Promise.resolve(),
  sendAlone: () => Promise.resolve()
}

/** Returns the messages a second, and the processor time of this process for each. */
const rate = Effect.fnUntraced(function* <E, R>(work: Effect.Effect<unknown, E, R>) {
  const count = STREAMS * EVENTS_OF_STREAM
  const begun = yield* Clock.currentTimeNanos
  const before = process.cpuUsage()
  yield* work
  const { system, user } = process.cpuUsage(before)
  const nanos = (yield* Clock.currentTimeNanos) - begun
  return {
    perSecond: Math.round((count * 1e9) / Number(nanos)),
    micros: Math.round((system + user) / count)
  }
})

/** Runs a publisher until the broker has acknowledged all messages. */
const publish = Effect.fnUntraced(function* (publisher: Publisher.Publisher) {
  const { name, send } = yield* Broker
  const all = yield* Deferred.make<void>()
  let left = STREAMS * EVENTS_OF_STREAM
  const counting = Broker.of({
    name,
    send: (messages) =>
      Effect.tap(send(messages), () => {
        left -= messages.length
        return left === 0 ? Deferred.succeed(all, undefined) : Effect.void
      })
  })
  yield* Layer.build(Layer.fresh(Reactors.layer([publisher]))).pipe(
    Effect.provideService(Broker, counting)
  )
  yield* Deferred.await(all)
}, Effect.scoped)

const compare = Effect.fnUntraced(function* (subject: Subject) {
  const name = subject.name.toLowerCase().replaceAll(/[^a-z]/g, "")
  for (let turn = 0; turn < TURNS; turn++) {
    const [ours, theirs] = [`${name}_publisher_${turn}`, `${name}_client_${turn}`]
    for (const topic of [ours, theirs]) yield* Effect.promise(() => subject.makeTopic(topic))
    const store = yield* EventStore
    const events = yield* Stream.runCollect(store.readAll({}))
    const mapped = publisherTo(theirs)
    const messages = events.flatMap((event) => [...Result.getOrThrow(mapped.messages(event))])
    const alone = yield* rate(Effect.promise(() => subject.sendAlone(messages)))
    const published = yield* rate(publish(publisherTo(ours)))
    const share = (published.perSecond / alone.perSecond).toFixed(2)
    const ofClient =
      subject === memory
        ? ""
        : `; client ${alone.perSecond}/s, ${alone.micros} us; ${share} of the client`
    yield* Console.log(
      `${subject.name}: publisher ${published.perSecond}/s, ${published.micros} us${ofClient}`
    )
  }
})

const measure = <E>(subject: Effect.Effect<Subject, E, Scope.Scope>) =>
  Effect.scoped(
    Effect.flatMap(subject, (one) => Effect.provide(compare(one), Layer.fresh(one.broker)))
  )

const log = ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

await Effect.runPromise(
  Effect.gen(function* () {
    yield* fill
    yield* measure(Effect.succeed(memory))
    yield* measure(kafka)
    yield* measure(nats)
  }).pipe(Effect.provide(log))
)
