/**
 * Read models of a log that exists already, and of a log with a running writer.
 *
 * Every contender fills a table of order summaries from the same events on the same server:
 * Daybook; a textbook projector with a statement for each event; a hand-written one that works in
 * batches; and, as the limit, one SQL statement that computes the table from the events.
 */
import * as Position from "@daybook/kernel/Position"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { SchemaName } from "@daybook/store/PostgresSchema"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { Contender, Open, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"
import { byHand, type CatchUp, inSql, textbook } from "./PlainReadModels.ts"
import * as Sample from "./Sample.ts"

/** The number of events in the log, in orders of {@link EVENTS_AN_ORDER}. */
export const EVENTS = 300_000
const EVENTS_AN_ORDER = 20

/** A contender that rebuilds the rows beside the serving rows. */
export interface Rebuild extends Contender {
  readonly rebuild: Effect.Effect<void>
}

/** A contender that appends while a read model is maintained. */
export interface Keeping extends Contender {
  /** Appends an order's first event. */
  readonly append: (id: string) => Effect.Effect<{ readonly position: bigint }>
  /** Waits until the row of an appended event is visible. */
  readonly visible: (position: bigint) => Effect.Effect<void>
}

type Stores = Context.Context<EventStore | SqlClient>

/** Opens the contenders on a server of their own, with {@link EVENTS} events in its log. */
export const openAll = Effect.gen(function* () {
  const stores: Stores = yield* Layer.build(
    EventStorePostgres.layer.pipe(
      Layer.provideMerge(PostgresMigrations.layer),
      Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 10 })),
      Layer.provide(PostgresServer.PostgresServer.layer)
    )
  )
  yield* fill(Context.get(stores, EventStore), EVENTS)
  const sql = Context.get(stores, SqlClient)
  yield* Effect.orDie(sql`VACUUM ANALYZE daybook.events`.unprepared)
  const limit = inSql(sql, EVENTS)
  const catchUps: Opens<CatchUp> = [
    { ...daybook(stores), yardstick: limit.name },
    { ...byHand(sql), yardstick: limit.name },
    { ...textbook(sql), yardstick: limit.name },
    limit
  ].map((subject) => [subject.name, Effect.succeed(subject)] as const)
  const rebuilds: Opens<Rebuild> = [1, 2].map((partitions) => {
    const name = `in ${partitions} ${partitions === 1 ? "partition" : "partitions"}`
    return [name, rebuilding(name, stores, partitions)] as const
  })
  const keepings: Opens<Keeping> = [
    ["no read model", keeping("no read model", stores, "none")],
    ["kept behind the log", keeping("kept behind the log", stores, "async")],
    ["kept inline", keeping("kept inline", stores, "inline")]
  ]
  return { catchUps, rebuilds, keepings }
})

/** Fills a log with `count` events, a multiple of 1,000, in orders of {@link EVENTS_AN_ORDER}. */
export const fill = Effect.fnUntraced(function* (events: EventStore["Service"], count: number) {
  const perAppend = 1_000 / EVENTS_AN_ORDER
  const appends = Array.from({ length: count / 1_000 }, () => perAppend)
  yield* Effect.forEach(
    appends,
    (orders) =>
      Effect.suspend(() =>
        events.appendAll({
          appends: Arr.makeBy(orders, () => ({
            streamId: Orders.streamId(SecureRandom.uuidV4Unsafe()),
            expected: ExpectedRevision.noStream,
            events: Orders.history(EVENTS_AN_ORDER)
          }))
        })
      ),
    { concurrency: 4, discard: true }
  ).pipe(Effect.orDie)
})

let schemas = 0

/** Builds read models in a new schema. */
const readModels = <A, E>(
  stores: Stores,
  layer: Layer.Layer<A, E, EventStore | ReadModelStore>
): Effect.Effect<Context.Context<A | EventStore | ReadModelStore>, never, Scope.Scope> => {
  const schema = SchemaName.make(`read_models_${++schemas}`)
  return Layer.build(
    Layer.fresh(
      layer.pipe(
        Layer.provideMerge(ReadModelStorePostgres.layer),
        Layer.provide(ReadModelMigrations.layer),
        Layer.provideMerge(Layer.succeedContext(stores))
      )
    )
  ).pipe(Effect.provideService(ReadModelSchema, schema), Effect.orDie)
}

const head = (stores: Context.Context<EventStore>) =>
  Effect.orDie(Context.get(stores, EventStore).head)

/** Returns Daybook on these stores, which catches up in new tables each time. */
export const daybook = (stores: Stores): CatchUp => ({
  name: "Daybook",
  catchUp: Effect.fnUntraced(
    function* () {
      const kept = yield* readModels(stores, Projections.layer({ async: [orderSummary] }))
      const projections = Context.get(kept, Projections)
      yield* projections.waitFor(orderSummary.name, yield* head(stores), "10 minutes")
      return (yield* projections.status(orderSummary.name)).events
    },
    Effect.scoped,
    Effect.orDie
  )
})

const rebuilding = (name: string, stores: Stores, parallelism: number): Open<Rebuild> =>
  Effect.gen(function* () {
    const kept = yield* readModels(stores, Projections.layer({ async: [orderSummary] }))
    const projections = Context.get(kept, Projections)
    yield* projections.waitFor(orderSummary.name, yield* head(stores), "10 minutes")
    const rebuilds: Rebuild = {
      name,
      ...(parallelism === 1 ? {} : { yardstick: "in 1 partition" }),
      rebuild: Effect.orDie(
        Stream.runDrain(projections.rebuild(orderSummary.name, { parallelism }))
      )
    }
    return rebuilds
  }).pipe(Effect.orDie)

/** Opens a contender that appends to these stores while a read model is maintained. */
export const keeping = (
  name: string,
  stores: Stores,
  mode: "none" | "async" | "inline"
): Open<Keeping> =>
  Effect.gen(function* () {
    const kept = yield* readModels(
      stores,
      Projections.layer(mode === "none" ? {} : { [mode]: [orderSummary] })
    )
    const projections = Context.get(kept, Projections)
    if (mode !== "none") {
      yield* projections.waitFor(orderSummary.name, yield* head(stores), "10 minutes")
    }
    const events = Context.get(kept, EventStore)
    if (mode === "inline") {
      yield* Effect.repeat(projections.status(orderSummary.name), {
        until: ({ state }) => state === "inline",
        schedule: Schedule.spaced("10 millis")
      })
    }
    const subject: Keeping = {
      name,
      ...(mode === "none" ? {} : { yardstick: "no read model" }),
      append: (id) =>
        events
          .append({
            streamId: Orders.streamId(id),
            expected: ExpectedRevision.noStream,
            events: Orders.history(1)
          })
          .pipe(Effect.orDie),
      visible: (position) =>
        mode === "none"
          ? Effect.void
          : Effect.orDie(
              projections.waitFor(orderSummary.name, Position.make(position), "1 minute")
            )
    }
    return subject
  }).pipe(Effect.orDie)

/** Measures the rate at which a table is filled. */
export const sampleCatchUp = Effect.fnUntraced(function* (subject: CatchUp, seconds: number) {
  const start = yield* Clock.currentTimeNanos
  const events = yield* subject.catchUp(seconds)
  const elapsed = (yield* Clock.currentTimeNanos) - start
  return rate(events, elapsed)
})

/** Measures the rate at which the rows of all events are rebuilt, compared and switched to. */
export const sampleRebuild = Effect.fnUntraced(function* (subject: Rebuild) {
  const start = yield* Clock.currentTimeNanos
  yield* subject.rebuild
  return rate(EVENTS, (yield* Clock.currentTimeNanos) - start)
})

/** Returns the events per second; as percentiles, the time of the whole run. */
const rate = (events: number, elapsed: bigint): Sample.Sample => {
  const micros = Number(elapsed) / 1e3
  return { perSecond: events / (micros / 1e6), p50Micros: micros, p99Micros: micros }
}

/**
 * Measures the delay from an acknowledgement to its visible row, at `perSecond` appends a second.
 */
export const sampleVisible = Effect.fnUntraced(function* (
  subject: Keeping,
  prefix: string,
  perSecond: number,
  seconds: number
) {
  const start = yield* Clock.currentTimeNanos
  const latencies = yield* Effect.forEach(
    Array.from({ length: Math.round(perSecond * seconds) }, (_, n) => n),
    (n) =>
      Effect.gen(function* () {
        yield* Effect.sleep(`${(n * 1_000) / perSecond} millis`)
        const { position } = yield* subject.append(`${prefix}-${n}`)
        const acknowledged = yield* Clock.currentTimeNanos
        yield* subject.visible(position)
        return (yield* Clock.currentTimeNanos) - acknowledged
      }),
    { concurrency: "unbounded" }
  )
  return Sample.summary(latencies, (yield* Clock.currentTimeNanos) - start)
})
