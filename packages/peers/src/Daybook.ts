/**
 * Daybook through its public API: its event store, and its command handler with and without cached
 * states.
 */
import * as Orders from "@daybook/benchmarks/Orders"
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import { aggregate } from "@daybook/order/Order"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Baskets from "./Baskets.ts"
import { CONNECTIONS, type Contender, type Live, type Tally } from "./Contender.ts"
import { fibers } from "./Drive.ts"
import * as Rows from "./Rows.ts"

export const name = "Daybook"

/** Opens Daybook on an empty database of the server. */
export const open = (url: Redacted.Redacted<string>) =>
  make(name, onClient(PgClient.layer({ url, maxConnections: CONNECTIONS })))

/** Opens Daybook on an embedded database in memory. */
export const openEmbedded = make("PGlite", onClient(EmbeddedPostgres.layer()))

/** Opens an empty log in memory. */
export const openMemory = make("memory", EventStoreMemory.layer)

function onClient<E>(client: Layer.Layer<SqlClient, E>) {
  return EventStorePostgres.layer.pipe(
    Layer.provide(PostgresMigrations.layer),
    Layer.provide(client)
  )
}

/** The size of the cache, which exceeds the number of orders in any workload. */
const CACHED_STREAMS = 10_000

function make<E>(contender: string, log: Layer.Layer<EventStore, E>) {
  return Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(log))
    const store = Context.get(context, EventStore)
    const handler = (cached: number) =>
      Layer.build(
        Layer.fresh(CommandHandler.layer.pipe(Layer.provide(Layer.succeed(CachedStreams, cached))))
      ).pipe(
        Effect.provide(context),
        Effect.map((built) => Context.get(built, CommandHandler))
      )
    return work(contender, store, yield* handler(0), yield* handler(CACHED_STREAMS))
  })
}

const work = (
  contender: string,
  store: EventStore["Service"],
  plain: CommandHandler["Service"],
  cached: CommandHandler["Service"]
): Contender => {
  const tally: Tally = { events: 0 }
  const append = (id: string, events: Arr.NonEmptyReadonlyArray<NewEvent>) =>
    store
      .append({
        streamId: Orders.streamId(id),
        expected: ExpectedRevision.noStream,
        events: Arr.map(events, (event) => ({
          ...event,
          id: EventId.make(Baskets.newId())
        }))
      })
      .pipe(
        Effect.orDie,
        Effect.map(() => void (tally.events += events.length))
      )
  const execute = (handler: CommandHandler["Service"], id: string, n: number) =>
    handler.execute(aggregate, id, Orders.command(n)).pipe(
      Effect.orDie,
      Effect.map(() => void tally.events++)
    )
  return {
    name: contender,
    append: (count) => {
      const events = Orders.additions(count)
      return fibers(() => Effect.suspend(() => append(Baskets.newId(), events)))
    },
    orders: {
      make: (id, count) =>
        Effect.gen(function* () {
          const streamId = Orders.streamId(id)
          for (const events of Arr.chunksOf(Orders.history(count), CHUNK)) {
            yield* Effect.orDie(store.append({ streamId, expected: ExpectedRevision.any, events }))
            tally.events += events.length
          }
        }),
      // With cached states, the commands of one host on one order take turns.
      hot: (id) => fibers((n) => execute(cached, id, n)),
      load: (id) => fibers(() => Effect.orDie(plain.load(aggregate, id))),
      execute: ({ first }) => fibers((n) => execute(plain, Baskets.numbered(first + n), n))
    },
    executeCached: ({ first }) => fibers((n) => execute(cached, Baskets.numbered(first + n), n)),
    live: live(store, append),
    check: Effect.flatMap(Effect.orDie(Rows.read(store.readAll())), (found) =>
      Rows.compare(contender, tally.events, found)
    )
  }
}

/** The most events of an append. */
const CHUNK = 1_000

type Append = (id: string, events: Arr.NonEmptyReadonlyArray<NewEvent>) => Effect.Effect<void>

/** Subscribes from the end of the log. */
const live =
  (store: EventStore["Service"], append: Append): Live =>
  (seen) =>
    Effect.gen(function* () {
      const newest = store.readAll({ direction: "backward", limit: 1 })
      const last = Option.getOrUndefined(yield* Effect.orDie(Stream.runHead(newest)))
      yield* store.subscribe({ after: last?.position }).pipe(
        Stream.runForEach(({ streamId }) => Effect.sync(() => seen(Baskets.idOf(streamId)))),
        Effect.orDie,
        Effect.forkScoped
      )
      const events = Orders.additions(1)
      return (id) => append(id, events)
    })
