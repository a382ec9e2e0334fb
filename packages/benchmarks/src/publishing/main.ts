/**
 * `pnpm bench:publishing`: a publisher to Kafka and to NATS beside the client of each alone.
 *
 * Publishers of 1 and 4 hosts and clients send the same messages to a new topic, in turns, with the
 * same acknowledgement and the same number of messages in a request. The log and the groups are in
 * memory, so that the way from an event to the acknowledgement is compared, and not a database.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import { Category, StreamId } from "@daybook/kernel/StreamId"
import { Broker, type OutgoingMessage } from "@daybook/publishing/Broker"
import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as IntegrationMessage from "@daybook/publishing/IntegrationMessage"
import * as KafkaBroker from "@daybook/publishing/KafkaBroker"
import * as NatsBroker from "@daybook/publishing/NatsBroker"
import * as Publisher from "@daybook/publishing/Publisher"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as KafkaServer from "@daybook/testing/KafkaServer"
import * as NatsServer from "@daybook/testing/NatsServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, headers } from "@nats-io/transport-node"
import { Admin, Producer, stringSerializers } from "@platformatic/kafka"
import * as Arr from "effect/Array"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Os from "node:os"
import * as Row from "../reacting/Row.ts"
import { timed } from "../reacting/Timed.ts"

const STREAMS = 1_000
const EVENTS_OF_STREAM = 20
const MESSAGES = STREAMS * EVENTS_OF_STREAM
const HOSTS = [1, 4]
/** The turns that count, after one to warm up. */
const TURNS = 3
/** The messages of a request of the client alone: the window of a publisher. */
const WINDOW = 1_024
/** The most messages of a batch of NATS, by the settings of a server. */
const NATS_BATCH = 1_000

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
    from: "now",
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

/** A broker, and the ways of its client alone. */
interface Subject {
  readonly name: string
  readonly broker: Layer.Layer<Broker>
  readonly makeTopic: (topic: string) => Promise<unknown>
  readonly clients: ReadonlyArray<{
    readonly name: string
    readonly send: (messages: ReadonlyArray<OutgoingMessage>) => Promise<void>
  }>
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
    clients: [
      {
        name: `client of Kafka, ${WINDOW.toLocaleString("en")} messages in a request`,
        send: async (messages) => {
          for (const chunk of Arr.chunksOf(messages, WINDOW)) {
            await producer.send({
              messages: chunk.map(({ body, key, topic }) => ({
                topic,
                key,
                value: body,
                headers: { "content-type": IntegrationMessage.CONTENT_TYPE }
              }))
            })
          }
        }
      }
    ]
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
    clients: [
      {
        name: `client of NATS, ${WINDOW.toLocaleString("en")} messages at once`,
        send: async (messages) => {
          for (const chunk of Arr.chunksOf(messages, WINDOW)) {
            await Promise.all(
              chunk.map(({ body, id, topic }) =>
                client.publish(topic, body, { msgID: id, timeout: 60_000 })
              )
            )
          }
        }
      },
      {
        name: `client of NATS, ${NATS_BATCH.toLocaleString("en")} messages in a batch`,
        send: async (messages) => {
          for (const [first, ...rest] of Arr.chunksOf(messages, NATS_BATCH)) {
            const batch = await client.startBatch(first.topic, first.body, { msgID: first.id })
            const last = rest.pop()
            for (const { body, id, topic } of rest) batch.add(topic, body, identified(id))
            if (last !== undefined) await batch.commit(last.topic, last.body, identified(last.id))
          }
        }
      }
    ]
  }
  return subject
})

const identified = (id: string) => {
  const made = headers()
  made.set("Nats-Msg-Id", id)
  return { headers: made, timeout: 60_000 }
}

const memory: Subject = {
  name: "memory",
  broker: BrokerMemory.layer,
  makeTopic: () => Promise.resolve(),
  clients: []
}

/** Builds the hosts of a publisher, and lets them publish the log until all is acknowledged. */
const publish = Effect.fnUntraced(function* (publisher: Publisher.Publisher, hosts: number) {
  const groups = yield* ConsumerGroups
  const { name, send } = yield* Broker
  const all = yield* Deferred.make<void>()
  let left = MESSAGES
  const counting = Broker.of({
    name,
    send: (messages) =>
      Effect.tap(send(messages), () => {
        left -= messages.length
        return left <= 0 ? Deferred.succeed(all, undefined) : Effect.void
      })
  })
  for (let host = 0; host < hosts; host++) {
    yield* Layer.build(Layer.fresh(Reactors.layer([publisher]))).pipe(
      Effect.provideService(Broker, counting)
    )
  }
  const group = publisher.group.name
  // Each host has its range before the log is published.
  yield* groups.status(group).pipe(
    Effect.option,
    Effect.repeat({
      until: Option.exists(
        ({ ranges }) => new Set(ranges.flatMap(({ owner }) => Option.toArray(owner))).size === hosts
      ),
      schedule: Schedule.spaced("20 millis")
    })
  )
  return yield* timed(
    MESSAGES,
    Effect.andThen(groups.restart(group, { from: "beginning" }), Deferred.await(all))
  )
}, Effect.scoped)

/** Lets the clients alone and the publishers take turns, each on a new topic. */
const compare = Effect.fnUntraced(function* (subject: Subject) {
  const { readAll } = yield* EventStore
  const events = yield* Stream.runCollect(readAll({}))
  const freshTopic = Effect.fnUntraced(function* (kind: string, turn: number) {
    const topic = `${subject.name}_${kind}_${turn}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_")
    yield* Effect.promise(() => subject.makeTopic(topic))
    return topic
  })
  const clients = subject.clients.map((client) => ({ ...client, turns: new Array<Row.Turn>() }))
  const publishers = HOSTS.map((hosts) => ({ hosts, turns: new Array<Row.Turn>() }))
  for (let turn = 0; turn <= TURNS; turn++) {
    const isWarmUp = turn === 0
    yield* Console.error(`${subject.name}: ${isWarmUp ? "warming up" : `turn ${turn} of ${TURNS}`}`)
    for (const [index, { send, turns }] of clients.entries()) {
      const { messages } = publisherTo(yield* freshTopic(`client_${index}`, turn))
      const mapped = events.flatMap((event) => [...Result.getOrThrow(messages(event))])
      const measured = yield* timed(
        MESSAGES,
        Effect.promise(() => send(mapped))
      )
      if (!isWarmUp) turns.push(measured)
    }
    for (const { hosts, turns } of publishers) {
      const topic = yield* freshTopic(`publisher_${hosts}`, turn)
      const measured = yield* publish(publisherTo(topic), hosts)
      if (!isWarmUp) turns.push(measured)
    }
  }
  const name = `publisher to ${subject.name}`
  const own = publishers.map((publisher) => ({ ...publisher, name }))
  const [first] = own
  const yardsticks = clients.length === 0 && first !== undefined ? [first] : clients
  return yardsticks.flatMap((yardstick) => [
    ...(yardstick === first ? [] : [Row.row({ ...yardstick, hosts: 1, yardstick })]),
    ...own.map((publisher) => Row.row({ ...publisher, yardstick }))
  ])
})

const measure = <E>(subject: Effect.Effect<Subject, E, Scope.Scope>) =>
  Effect.scoped(
    Effect.flatMap(subject, (one) => Effect.provide(compare(one), Layer.fresh(one.broker)))
  )

const log = ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

const command = Command.make(
  "bench:publishing",
  {
    only: Flag.Literals("only", ["all", "memory", "kafka", "nats"]).pipe(
      Flag.withDescription("Only the publishers to one broker"),
      Flag.withDefault("all")
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("File for the results as JSON"),
      Flag.withDefault("bench-publishing.json")
    )
  },
  Effect.fnUntraced(function* ({ only, out }) {
    const files = yield* FileSystem.FileSystem
    yield* fill
    const isAsked = (name: typeof only) => only === "all" || only === name
    const rows = [
      ...(isAsked("memory") ? yield* measure(Effect.succeed(memory)) : []),
      ...(isAsked("kafka") ? yield* measure(kafka) : []),
      ...(isAsked("nats") ? yield* measure(nats) : [])
    ]
    yield* Console.log(Row.table("messages", rows))
    const json = {
      at: DateTime.formatIso(yield* DateTime.now),
      environment: {
        node: process.version,
        cpu: Os.cpus()[0]?.model ?? "unknown",
        cores: Os.availableParallelism()
      },
      messages: MESSAGES,
      window: WINDOW,
      turns: TURNS,
      rows
    }
    yield* files.writeFileString(out, `${JSON.stringify(json, null, 2)}\n`)
    yield* Console.error(`Written to ${out}`)
  }, Effect.provide(log))
).pipe(
  Command.withDescription("Measures publishers to Kafka and NATS beside the client of each alone.")
)

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide([
    NodeServices.layer,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
  ]),
  NodeRuntime.runMain
)
