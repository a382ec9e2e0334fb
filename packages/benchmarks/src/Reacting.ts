/**
 * The speed of reactors on PostgreSQL: events a second from a full log, by 1 and 4 hosts of one
 * process, and the time from the commit of an append to its reaction.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as Reactor from "@daybook/reactors/Reactor"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Orders from "./Orders.ts"
import * as Sample from "./Sample.ts"

/** The name by which `--only` finds the measure. */
export const name = "reactors: reactions to a log"

const HOSTS = [1, 4]

/** The streams of the log, and the events of each. */
const STREAMS = 50
const EACH = 1_000

/** The appends a second while reactions are timed, at an even rate. */
const PER_SECOND = 100

/** The speed of a kind of reactor. */
export interface Measured {
  readonly kind: "subscription alone" | "nothing" | "transactional insert"
  readonly hosts: number
  readonly eventsPerSecond: number
  /** From the answer of an append until its reaction begins; absent for a subscription. */
  readonly reactionMicros?: { readonly p50: number; readonly p99: number }
}

const stores = ConsumerGroupsPostgres.layer.pipe(
  Layer.provideMerge(EventStorePostgres.layer),
  Layer.provide(Layer.merge(PostgresMigrations.layer, ReactorMigrations.layer)),
  Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 20 }))
)

/** Measures each kind on one log. */
export const measure = (seconds: number) =>
  Effect.gen(function* () {
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
    const insert = ({ id }: { readonly id: string }) =>
      Effect.asVoid(sql`INSERT INTO inserted (id) VALUES (${id}::text)`)
    const rows: Array<Measured> = [yield* alone]
    for (const hosts of HOSTS) {
      rows.push(yield* reacting("nothing", hosts, seconds, () => Effect.void))
    }
    for (const hosts of HOSTS) {
      rows.push(yield* reacting("transactional insert", hosts, seconds, insert))
    }
    return rows
  }).pipe(Effect.provide(stores), Effect.provide(PostgresServer.PostgresServer.layer))

/** Returns the events a second after some time, in nanoseconds. */
const perSecond = (events: number, nanos: bigint): number => (events * 1e9) / Number(nanos)

const alone = Effect.gen(function* () {
  const { subscribePages } = yield* EventStore
  const begun = yield* Clock.currentTimeNanos
  let count = 0
  yield* subscribePages({ categories }).pipe(
    Stream.takeUntil(({ events }) => (count += events.length) >= STREAMS * EACH),
    Stream.runDrain
  )
  const nanos = (yield* Clock.currentTimeNanos) - begun
  return {
    kind: "subscription alone",
    hosts: 1,
    eventsPerSecond: perSecond(count, nanos)
  } satisfies Measured
})

const categories = [StreamId.category(Orders.streamId("any"))]

const reacting = Effect.fnUntraced(function* <R>(
  kind: Exclude<Measured["kind"], "subscription alone">,
  hosts: number,
  seconds: number,
  react: (event: { readonly id: string }) => Effect.Effect<void, unknown, R>
) {
  const groups = yield* ConsumerGroups
  const { append, head, readAll } = yield* EventStore
  const timed = new Map<string, bigint>()
  const nanos: Array<bigint> = []
  let count = 0
  const isFull = Deferred.makeUnsafe<void>()
  const groupName = `${kind.replace(" ", "_")}_${hosts}`
  const full = yield* head
  const total = yield* Stream.runCount(readAll({ categories }))
  const reactor = Reactor.make({
    name: groupName,
    categories,
    transactional: kind === "transactional insert",
    react: (event) => {
      if (event.position <= full) {
        count++
        if (count === total) Deferred.doneUnsafe(isFull, Effect.void)
        return react(event)
      }
      return Effect.flatMap(Clock.currentTimeNanos, (now) => {
        const committed = timed.get(event.streamId)
        nanos.push(committed === undefined ? 0n : now - committed)
        return react(event)
      })
    }
  })
  const begun = yield* Clock.currentTimeNanos
  for (let n = 0; n < hosts; n++) yield* Layer.build(Layer.fresh(Reactors.layer([reactor])))
  yield* Deferred.await(isFull)
  const elapsed = (yield* Clock.currentTimeNanos) - begun
  // The hosts have shared the slots out, and stand at the head.
  yield* groups.status(groupName).pipe(
    Effect.repeat({
      until: ({ lagEvents, ranges }) => lagEvents === 0 && ranges.length >= hosts,
      schedule: Schedule.spaced("20 millis")
    })
  )
  const appends = Math.ceil(seconds * PER_SECOND)
  for (let n = 0; n < appends; n++) {
    const streamId = Orders.streamId(`${groupName}-${n}`)
    yield* append({ streamId, expected: ExpectedRevision.noStream, events: Orders.history(1) })
    timed.set(streamId, yield* Clock.currentTimeNanos)
    yield* Effect.sleep(1_000 / PER_SECOND)
  }
  yield* groups.status(groupName).pipe(
    Effect.repeat({
      until: ({ lagEvents }) => lagEvents === 0,
      schedule: Schedule.spaced("20 millis")
    })
  )
  const { p50Micros: p50, p99Micros: p99 } = Sample.summary(nanos, 1n)
  return {
    kind,
    hosts,
    eventsPerSecond: perSecond(total, elapsed),
    reactionMicros: { p50, p99 }
  } satisfies Measured
}, Effect.scoped)

/** Writes a line of the report. */
export const line = ({ eventsPerSecond, hosts, kind, reactionMicros }: Measured): string => {
  const millis = (micros: number) => (micros / 1_000).toFixed(2)
  return [
    `reactors: ${kind}, ${hosts} ${hosts === 1 ? "host" : "hosts"}`,
    `${Math.round(eventsPerSecond).toLocaleString("en")} events/s`,
    ...(reactionMicros === undefined
      ? []
      : [
          `commit to reaction p50 ${millis(reactionMicros.p50)} ms, p99 ${millis(reactionMicros.p99)} ms`
        ])
  ].join(", ")
}
