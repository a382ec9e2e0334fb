/**
 * The delay from the acknowledgement of an append to the event's arrival at a live subscriber.
 */
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { Contender, Open, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"
import * as Sample from "./Sample.ts"
import type { Stores } from "./Subject.ts"

/** A store to append to, and a store on the same log to subscribe to. */
export interface Live extends Contender {
  readonly writer: EventStore["Service"]
  readonly reader: EventStore["Service"]
}

/**
 * Subscribers of the appending store, and on the server one of another host, which `NOTIFY` wakes.
 */
export const opens = (
  stores: ReadonlyArray<readonly [name: string, stores: Stores]>,
  server: SqlClient
): Opens<Live> => [
  ...stores.map(([name, open]) => [name, Effect.map(open, sameStore(name))] as const),
  ["server, another host", anotherHost("server, another host", server)]
]

const sameStore = (name: string) => (stores: Context.Context<EventStore | SnapshotStore>) => {
  const store = Context.get(stores, EventStore)
  const live: Live = { name, writer: store, reader: store }
  return live
}

const anotherHost = (name: string, sql: SqlClient): Open<Live> =>
  Effect.gen(function* () {
    const store = Effect.map(Layer.build(Layer.fresh(EventStorePostgres.layer)), (context) =>
      Context.get(context, EventStore)
    )
    const live: Live = { name, writer: yield* store, reader: yield* store }
    return live
  }).pipe(Effect.provideService(SqlClient, sql), Effect.orDie)

/** Appends single events at an even rate, each to its own stream, while a subscriber follows. */
export const sample = Effect.fnUntraced(function* (
  { reader, writer }: Live,
  prefix: string,
  perSecond: number,
  seconds: number
) {
  const acknowledged = new Map<string, bigint>()
  const seen = new Map<string, bigint>()
  const begun = yield* append(writer, `${prefix}-first`)
  const subscriber = yield* reader.subscribe({ after: begun.position }).pipe(
    Stream.runForEachArray((events) =>
      Effect.map(Clock.currentTimeNanos, (now) => {
        for (const { streamId } of events) seen.set(streamId, now)
      })
    ),
    Effect.forkChild
  )
  const appends = yield* FiberSet.make<void>()
  const start = yield* Clock.currentTimeNanos
  const total = Math.round(perSecond * seconds)
  let sent = 0
  while (sent < total) {
    const elapsed = Number((yield* Clock.currentTimeNanos) - start) / 1e9
    for (const due = Math.min(total, elapsed * perSecond); sent < due; sent++) {
      const id = `${prefix}-${sent}`
      const acknowledge = Effect.gen(function* () {
        yield* append(writer, id)
        acknowledged.set(Orders.streamId(id), yield* Clock.currentTimeNanos)
      })
      yield* FiberSet.run(appends, acknowledge)
    }
    yield* Effect.sleep("1 millis")
  }
  yield* FiberSet.awaitEmpty(appends)
  while (seen.size < total) yield* Effect.sleep("1 millis")
  const elapsed = (yield* Clock.currentTimeNanos) - start
  yield* Fiber.interrupt(subscriber)
  // An event that arrives before its writer's acknowledgement counts as a delay of 0.
  const latencies = Array.from(acknowledged, ([id, at]) => {
    const late = (seen.get(id) ?? at) - at
    return late < 0n ? 0n : late
  })
  return Sample.summary(latencies, elapsed)
}, Effect.scoped)

const append = (store: EventStore["Service"], id: string) =>
  store
    .append({
      streamId: Orders.streamId(id),
      expected: ExpectedRevision.noStream,
      events: Orders.history(1)
    })
    .pipe(Effect.orDie)
