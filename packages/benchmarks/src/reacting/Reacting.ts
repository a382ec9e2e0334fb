/**
 * The speed of reactors on PostgreSQL: the rate at which hosts of one process react to a full log,
 * beside a subscription to it that does nothing; the time from the commit of an append to its
 * reaction; and the time until another host takes over from one that is killed.
 *
 * Every measure has a fixed number of events, so that it ends on a busy machine too.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Orders from "../Orders.ts"
import * as Sample from "../Sample.ts"
import * as Row from "./Row.ts"
import * as Stores from "./Stores.ts"
import * as TakeOver from "./TakeOver.ts"
import { timed } from "./Timed.ts"

/** The name by which `--only` finds the measure. */
export const name = "reactors: reactions to a log"

const HOSTS = [1, 4]

/** The turns that count, after one to warm up. */
const TURNS = 3

/** The streams of the log, and the events of each. */
const STREAMS = 200
const EACH = 500

/** The events for a transactional reactor, which is slower: the last ones of the log. */
const LAST = 4_000

/** The appends whose reactions are timed, and how many of them begin in a second. */
const APPENDS = 200
const PER_SECOND = 100

const CATEGORY = StreamId.category(Orders.streamId("any"))

const SUBSCRIPTION = "a subscription alone"

/** The time from the answer of an append until its reaction begins. */
interface Latency {
  readonly name: string
  readonly hosts: number
  readonly p50Micros: number
  readonly p99Micros: number
}

/** The results of all measures. */
export interface Measured {
  readonly rates: ReadonlyArray<Row.Row>
  readonly latencies: ReadonlyArray<Latency>
  readonly takeOver: { readonly millis: ReadonlyArray<number> }
}

/** A kind of reactor. */
interface Kind<R> {
  readonly name: string
  readonly events: number
  readonly make: (
    options: Pick<Reactor.Options<RecordedEvent, R>, "name" | "from"> & {
      readonly categories: ReadonlyArray<StreamId.Category>
      /** To be called with each event. */
      readonly seen: (event: RecordedEvent) => void
    }
  ) => Reactor.Reactor<R>
}

const nothing: Kind<never> = {
  name: "reactor that does nothing",
  events: STREAMS * EACH,
  make: ({ seen, ...options }) =>
    Reactor.make({
      ...options,
      react: (event) => {
        seen(event)
        return Effect.void
      }
    })
}

const inBatches: Kind<never> = {
  name: "reactor that does nothing, in batches",
  events: STREAMS * EACH,
  make: (options) => ({
    ...nothing.make(options),
    together: {
      most: 1_000,
      prepare: (events) => {
        for (const event of events) options.seen(event)
        return Effect.succeed(new Set())
      }
    }
  })
}

const transactional: Kind<SqlClient> = {
  name: "transactional reactor that inserts a row",
  events: LAST,
  make: ({ seen, ...options }) =>
    Reactor.make({
      ...options,
      transactional: true,
      react: (event) => {
        seen(event)
        return Effect.flatMap(
          SqlClient,
          (sql) => sql`INSERT INTO inserted (id) VALUES (${event.id}::text)`
        ).pipe(Effect.orDie, Effect.asVoid)
      }
    })
}

/** Measures each kind on one log. */
export const measure = Effect.gen(function* () {
  const url = yield* PostgresServer.freshDatabase
  const services = Stores.layer.pipe(
    Layer.provideMerge(PgClient.layer({ url, maxConnections: 20 }))
  )
  return yield* Effect.gen(function* () {
    const { append } = yield* EventStore
    const sql = yield* SqlClient
    yield* sql`CREATE TABLE inserted (id text NOT NULL)`
    for (let n = 0; n < STREAMS; n++) {
      yield* append({
        streamId: Orders.streamId(`full-${n}`),
        expected: ExpectedRevision.noStream,
        events: Orders.history(EACH)
      })
    }
    const kinds = HOSTS.flatMap((hosts) => [
      contender(nothing, hosts),
      contender(inBatches, hosts),
      contender(transactional, hosts)
    ])
    const contenders = yield* Effect.all(kinds)
    const alone: Array<Row.Turn> = []
    for (let turn = 0; turn <= TURNS; turn++) {
      yield* Console.error(`${name}: ${turn === 0 ? "warming up" : `turn ${turn} of ${TURNS}`}`)
      const isWarmUp = turn === 0
      const sample = yield* subscription
      if (!isWarmUp) alone.push(sample)
      for (const one of contenders) {
        const measured = yield* one.drain
        if (!isWarmUp) one.turns.push(measured)
      }
    }
    const latencies: Array<Latency> = []
    for (const one of contenders) latencies.push(yield* one.latency)
    const yardstick = { name: SUBSCRIPTION, turns: alone }
    return {
      rates: [
        Row.row({ name: SUBSCRIPTION, hosts: 1, turns: alone, yardstick }),
        ...contenders.map((one) => Row.row({ ...one, yardstick }))
      ],
      latencies,
      takeOver: { millis: yield* TakeOver.measure(url) }
    } satisfies Measured
  }).pipe(Effect.provide(services))
}).pipe(Effect.scoped, Effect.provide(PostgresServer.PostgresServer.layer))

const subscription = Effect.gen(function* () {
  const { subscribePages } = yield* EventStore
  let count = 0
  const reading = subscribePages({ categories: [CATEGORY] }).pipe(
    Stream.takeUntil(({ events }) => (count += events.length) >= STREAMS * EACH),
    Stream.runDrain
  )
  return yield* timed(STREAMS * EACH, reading)
})

const contender = Effect.fnUntraced(function* <R>(kind: Kind<R>, hosts: number) {
  const groups = yield* ConsumerGroups
  const { append, head, readAll } = yield* EventStore
  const full = yield* head
  const begin = yield* readAll({
    categories: [CATEGORY],
    direction: "backward",
    limit: kind.events + 1
  }).pipe(
    Stream.runFold(
      () => ({ count: 0, position: Position.start }),
      ({ count }, { position }) => ({ count: count + 1, position })
    )
  )
  const from = begin.count > kind.events ? begin.position : Position.start
  const group = `${kind.name.replaceAll(/[^a-z]+/g, "_")}_${hosts}`
  let seen: (event: RecordedEvent) => void = () => {}
  const reactor = kind.make({
    name: group,
    from: "now",
    categories: [CATEGORY],
    seen: (event) => seen(event)
  })

  /** Runs the hosts; begins when each of them has a range, at the end of the log. */
  const shared = Effect.gen(function* () {
    for (let n = 0; n < hosts; n++) yield* Layer.build(Layer.fresh(Reactors.layer([reactor])))
    yield* groups.status(group).pipe(
      Effect.option,
      Effect.repeat({
        until: Option.exists(
          ({ lagEvents, ranges }) =>
            lagEvents === 0 &&
            new Set(ranges.flatMap(({ owner }) => Option.toArray(owner))).size === hosts
        ),
        schedule: Schedule.spaced("50 millis")
      })
    )
  })

  const drain = Effect.gen(function* () {
    yield* shared
    const positions = new Set<Position.Position>()
    const isFull = Deferred.makeUnsafe<void>()
    seen = ({ position }) => {
      // An event may be handled again, when a lease is lost.
      if (position > full) return
      positions.add(position)
      if (positions.size === kind.events) Deferred.doneUnsafe(isFull, Effect.void)
    }
    return yield* timed(
      kind.events,
      Effect.andThen(groups.restart(group, { from }), Deferred.await(isFull))
    )
  }).pipe(Effect.scoped)

  const latency = Effect.gen(function* () {
    yield* shared
    const timedAt = new Map<string, bigint>()
    const reactedAt = new Map<string, bigint>()
    const clock = yield* Clock.Clock
    const all = Deferred.makeUnsafe<void>()
    seen = ({ streamId }) => {
      if (!reactedAt.has(streamId)) reactedAt.set(streamId, clock.currentTimeNanosUnsafe())
      if (reactedAt.size === APPENDS) Deferred.doneUnsafe(all, Effect.void)
    }
    for (let n = 0; n < APPENDS; n++) {
      const streamId = Orders.streamId(`${group}-${n}`)
      yield* append({ streamId, expected: ExpectedRevision.noStream, events: Orders.history(1) })
      timedAt.set(streamId, clock.currentTimeNanosUnsafe())
      yield* Effect.sleep(1_000 / PER_SECOND)
    }
    yield* Deferred.await(all)
    const nanos = Array.from(timedAt, ([streamId, at]) => (reactedAt.get(streamId) ?? at) - at)
    const { p50Micros, p99Micros } = Sample.summary(nanos, 1n)
    return { name: kind.name, hosts, p50Micros, p99Micros } satisfies Latency
  }).pipe(Effect.scoped)

  return { name: kind.name, hosts, turns: new Array<Row.Turn>(), drain, latency }
})

/** Prints the results. */
export const report = ({ latencies, rates, takeOver }: Measured): string => {
  const millis = (micros: number) => (micros / 1_000).toFixed(2)
  return [
    Row.table("events", rates),
    "",
    `| commit to reaction, ${PER_SECOND} appends a second | hosts | p50 ms | p99 ms |`,
    "| --- | --: | --: | --: |",
    ...latencies.map(
      ({ hosts, name: kind, p50Micros, p99Micros }) =>
        `| ${kind} | ${hosts} | ${millis(p50Micros)} | ${millis(p99Micros)} |`
    ),
    "",
    `kill -9 to the first reaction of another host: ${takeOver.millis.map((one) => `${Math.round(one)} ms`).join(", ")}`
  ].join("\n")
}
