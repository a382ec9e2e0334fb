/**
 * A shop with reactors, processes and publishers on several processes, a real server and real
 * brokers, all of which are attacked; and an audit of the results.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as KafkaServer from "@daybook/testing/KafkaServer"
import * as NatsServer from "@daybook/testing/NatsServer"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { ADMIN } from "../attacks.ts"
import * as Proxy from "../proxy.ts"
import * as Sound from "../sound.ts"
import * as Attacks from "./attacks.ts"
import { audit, type Findings } from "./audit.ts"
import * as Clients from "./clients.ts"
import * as Database from "./database.ts"
import * as Host from "./host.ts"
import { categoryOf, type FoldedProcess, idOf, type Logged } from "./observed.ts"
import * as Shop from "./shop.ts"
import * as Topics from "./topics.ts"

export interface Torture {
  readonly attacks: ReadonlyMap<Attacks.Kind, number>
  readonly orders: number
  readonly commands: number
  readonly doubtful: number
  /** The events by their types. */
  readonly events: ReadonlyMap<string, number>
  readonly repeated: ReadonlyMap<string, number>
  readonly findings: Findings
}

/** An operation was not done in its time. */
class Overdue extends Data.TaggedError("Overdue")<{ readonly what: string }> {
  override get message() {
    return `${this.what} takes too long`
  }
}

const HOSTS = 3

/** Far longer than recovery, leases, new connections and the timers of the last orders take. */
const QUIET = Duration.seconds(120)

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(":") + 1))

/** Starts the brokers, each behind a proxy. */
const brokers = Effect.gen(function* () {
  const kafkaProxy = yield* Proxy.unaimed
  const kafka = yield* KafkaServer.start({ advertisedPort: kafkaProxy.port })
  kafkaProxy.aim(kafka.port)
  const natsProxy = yield* Proxy.unaimed
  const nats = yield* NatsServer.start
  natsProxy.aim(portOf(nats.address))
  yield* Effect.retry(Topics.makeKafkaTopic(kafka.address, Shop.TOPIC), {
    schedule: Schedule.spaced("500 millis"),
    times: 20
  })
  yield* Topics.makeNatsStream(nats.address, Shop.TOPIC)
  return {
    kafka: { ...kafka, proxy: kafkaProxy },
    nats: { ...nats, proxy: natsProxy, behindProxy: `127.0.0.1:${natsProxy.port}` }
  }
})

/**
 * Runs the attacks one after the other while orders are in work, until there is none left.
 * `attacks`: returns the next one, given the number of answered commands. `isLogged`: the hosts
 * write their logs to standard error.
 */
export const torture = Effect.fnUntraced(function* (
  attacks: (answered: () => number) => Effect.Effect<Option.Option<Attacks.Kind>>,
  { isLogged = false }: { readonly isLogged?: boolean } = {}
) {
  const server = yield* PostgresServer.restartable
  const url = yield* PostgresServer.freshDatabase.pipe(
    Effect.provideService(PostgresServer.PostgresServer, server)
  )
  const client = yield* Layer.build(
    PgClient.layer({ url, maxConnections: 4, applicationName: ADMIN })
  )
  // A store needs an existing log.
  const shop = yield* Database.deploy(url).pipe(Effect.provideContext(client))
  const context = yield* Layer.build(
    Layer.merge(CommandHandler.layer, ConsumerGroupsPostgres.layer).pipe(
      Layer.provideMerge(EventStorePostgres.layer),
      Layer.provideMerge(Layer.succeedContext(client))
    )
  )
  const admin = Context.get(context, SqlClient)
  const { kafka, nats } = yield* brokers
  const hosts = yield* Effect.forEach(Array.from({ length: HOSTS }), () =>
    Host.make({ database: shop, kafka: kafka.address, nats: nats.behindProxy }, { isLogged })
  )
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.sync(() => hosts.forEach(({ start }) => start())),
      Schedule.spaced("100 millis")
    )
  )
  const ready = until(
    "all hosts being ready",
    Effect.sync(() => hosts.every(({ isReady }) => isReady()))
  )
  yield* ready

  const clients = yield* Clients.make(hosts)
  const work = yield* Effect.forkScoped(clients.work)
  // It continues until it is stopped: an earlier end is an error.
  const worked = Effect.andThen(Fiber.join(work), Effect.never)
  const done = new Map<Attacks.Kind, number>()
  const wrong: Array<string> = []
  for (;;) {
    const kind = yield* Effect.timeoutOrElse(Effect.raceFirst(attacks(clients.answered), worked), {
      duration: QUIET,
      orElse: () => new Overdue({ what: "answering some more commands" })
    })
    if (Option.isNone(kind)) break
    const report = (found: string) => wrong.push(found)
    const field = {
      hosts,
      server,
      admin,
      kafka,
      nats,
      freezesMillis: [Shop.LEASE_MILLIS / 2, 2 * Shop.LEASE_MILLIS],
      pick: clients.pick,
      report
    }
    // An observing session ends with the server too.
    yield* Effect.retry(Attacks.attack(kind.value, field), {
      schedule: Schedule.spaced("200 millis"),
      times: 50
    })
    done.set(kind.value, (done.get(kind.value) ?? 0) + 1)
  }
  clients.stop()
  yield* Effect.timeoutOrElse(Fiber.join(work), {
    duration: QUIET,
    orElse: () => new Overdue({ what: "answering the last commands" })
  })
  yield* ready
  yield* until(
    "handling all events",
    Effect.orElseSucceed(atRest, () => false)
  ).pipe(
    Effect.provideContext(context),
    Effect.catchTag("Overdue", ({ message }) => Effect.sync(() => wrong.push(message)))
  )
  wrong.push(...(yield* Effect.provideContext(standing, context)))

  const endMillis = yield* Clock.currentTimeMillis
  const log = yield* Effect.provideContext(Database.log, context)
  const reactions = yield* Effect.provideContext(Database.reactions, context)
  const topics = new Map([
    [Shop.toKafka.group.name, yield* Topics.readKafkaTopic(kafka.address, Shop.TOPIC)],
    [Shop.toNats.group.name, yield* Topics.readNatsStream(nats.address, Shop.TOPIC)]
  ])
  const found = audit({
    log,
    sent: clients.sent,
    reactions,
    effects: yield* Effect.provideContext(Database.effects, context),
    processes: yield* Effect.provideContext(folded(log), context),
    topics,
    endMillis
  })
  const result: Torture = {
    attacks: done,
    orders: clients.orders(),
    commands: clients.sent.length,
    doubtful: clients.doubtful(),
    events: countsOf(log.map(({ type }) => type)),
    repeated: new Map([
      ["reactions", reactions.length - new Set(reactions).size],
      ...Array.from(topics, ([publisher, messages]): [string, number] => [
        `messages of ${publisher}`,
        messages.length - new Set(messages.map(({ id }) => id)).size
      ])
    ]),
    findings: new Map([
      ...found,
      ["other", [...wrong, ...clients.unexpectedErrors, ...(yield* Sound.look(admin)).map(String)]]
    ])
  }
  return result
})

const countsOf = (names: ReadonlyArray<string>): ReadonlyMap<string, number> =>
  new Map(
    Array.from(
      Map.groupBy(names, (name) => name),
      ([name, own]) => [name, own.length]
    )
  )

/**
 * Returns true when no group lacks an event and no timer is kept: nothing will be appended any more.
 */
const atRest = Effect.gen(function* () {
  const groups = yield* ConsumerGroups
  const events = yield* EventStore
  const head = yield* events.head
  const statuses = yield* Effect.forEach(Shop.groups, groups.status)
  if (statuses.some(({ lagEvents }) => lagEvents > 0)) return false
  if ((yield* Database.timers) > 0) return false
  return (yield* events.head) === head
})

/** Returns what groups do not handle until someone acts. */
const standing = Effect.gen(function* () {
  const groups = yield* ConsumerGroups
  const statuses = yield* Effect.forEach(Shop.groups, groups.status)
  return statuses.flatMap(({ held, lagEvents, name, state }) => [
    ...held.map(({ issue, key }) => `group ${name} holds ${key}: ${issue}`),
    ...(lagEvents === 0 ? [] : [`group ${name} is ${state}, ${lagEvents} events behind`])
  ])
})

/** Returns the processes as the command handler folds them. */
const folded = Effect.fnUntraced(function* (log: ReadonlyArray<Logged>) {
  const handler = yield* CommandHandler
  const [payments, reminders] = Shop.processes
  const idsOf = ({ aggregate: { category } }: (typeof Shop.processes)[number]) =>
    new Set(log.filter((event) => categoryOf(event) === category).map(idOf))
  const found: Array<FoldedProcess> = []
  for (const id of idsOf(payments)) {
    const { state } = yield* handler.load(payments.aggregate, id)
    const streamId = `${payments.aggregate.category}-${id}`
    found.push({ streamId, status: state.status, state: state.state })
  }
  for (const id of idsOf(reminders)) {
    const { state } = yield* handler.load(reminders.aggregate, id)
    const streamId = `${reminders.aggregate.category}-${id}`
    found.push({ streamId, status: state.status, state: state.state._tag })
  }
  return found
})

const until = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(condition, {
    until: (holds) => holds,
    schedule: Schedule.spaced("100 millis")
  }).pipe(
    Effect.timeoutOrElse({ duration: QUIET, orElse: () => new Overdue({ what }) }),
    Effect.asVoid
  )
