/**
 * The metrics that alerts and the dashboard ask for, in a scrape of a host that has worked, lost
 * races, been overloaded and lost its database.
 */
import * as AggregateApi from "@daybook/http/AggregateApi"
import * as NodeHost from "@daybook/http/NodeHost"
import * as Telemetry from "@daybook/http/Telemetry"
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ProjectionMetrics from "@daybook/projections/ProjectionMetrics"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as Reactor from "@daybook/reactors/Reactor"
import * as ReactorMetrics from "@daybook/reactors/ReactorMetrics"
import { Reactors } from "@daybook/reactors/Reactors"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { MaxHeld } from "@daybook/store/Overloaded"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import { Away, book, Command, loans, readers } from "./library.ts"
import { missingFrom, queries, type Series, seriesOf } from "./prometheus.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const api = HttpApi.make("library").add(books.group)
const fault = HttpRouter.add("GET", "/fault", Effect.die(new Error("a fault")))

/** A reactor that can't write to Mallory. */
const letters = Reactor.make({
  name: "letters",
  sources: [book],
  react: (event) =>
    event._tag === "Lent" && event.to === "Mallory" ? Effect.fail("no address") : Effect.void,
  onFailure: "park",
  retry: Schedule.recurs(0)
})

const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
  Layer.provideMerge(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
  Layer.provide(Layer.succeed(MaxHeld, { calls: 16, bytes: 1_000_000 }))
)

const host = NodeHost.layer(api, [books], {
  port: 0,
  routes: Layer.merge(Telemetry.metrics, fault)
}).pipe(
  Layer.provide(CommandHandler.layer),
  Layer.provide(ProjectionMetrics.layer({ interval: "100 millis" })),
  Layer.provide(Projections.layerRunner({ async: [loans, readers] })),
  Layer.provide(ReactorMetrics.layer({ interval: "100 millis" })),
  Layer.provide(Reactors.layer([letters])),
  Layer.provide(ConsumerGroupsMemory.layer),
  Layer.provideMerge(stores),
  Layer.provide(Logger.layer([]))
)

it.live(
  "has every metric of the alerts and the dashboard, with its labels and values",
  () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.restartable
      const database = PgClient.layer({ url: server.url, maxConnections: 8 })
      const context = yield* Layer.build(Layer.provide(host, database))
      const { address } = Context.get(context, HttpServer)
      if (!("port" in address)) return yield* Effect.die("no port")
      const origin = `http://127.0.0.1:${address.port}`
      const get = (path: string) =>
        Effect.promise(async () => (await fetch(`${origin}${path}`)).text())
      const send = (id: string, command: typeof Command.Encoded) =>
        Effect.promise(async () => {
          const answer = await fetch(`${origin}/books/${id}/commands`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(command)
          })
          return (await answer.text()).length
        })
      // Two more hosts, on one stream.
      const rivals = yield* Effect.all([rival, rival]).pipe(Effect.provide(context))
      const raced = Effect.forEach(
        rivals,
        ({ execute }) =>
          Effect.forEach(["Ada", undefined], (to) =>
            Effect.ignore(
              execute("raced", to === undefined ? { _tag: "Return" } : { _tag: "Lend", to })
            )
          ).pipe(Effect.repeat({ times: 20 })),
        { concurrency: "unbounded" }
      )
      const lend = (id: string, to = "Ada") => send(id, { _tag: "Lend", to })
      let lent = 0
      const burst = Effect.suspend(() => lend(`${lent++}`)).pipe(
        Effect.replicateEffect(64, { concurrency: "unbounded" })
      )
      const refused = Effect.all([get("/fault"), get("/nothing")])

      const seen: Array<Series> = []
      const missing = Effect.map(get("/metrics"), (scrape) => {
        seen.push(...seriesOf(scrape))
        return queries.flatMap((query) =>
          missingFrom(seen, query).map((one) => `${query.name}: ${one}`)
        )
      })
      /** Works until a scrape has had everything, or so often that it never will. */
      const workUntil = Effect.fnUntraced(function* (
        work: Effect.Effect<unknown>,
        enough: (missing: ReadonlyArray<string>) => boolean
      ) {
        for (let round = 0; round < 50; round++) {
          yield* work
          if (enough(yield* missing)) return
        }
      })

      yield* lend("stopping", "Mallory")
      yield* workUntil(
        Effect.all([raced, burst, refused]),
        (missing) => !/projection_state|reactor|conflicts|overloaded/.test(missing.join())
      )
      yield* server.stop("fast")
      // A command would fail before its append, since it can't load the state.
      const append = Context.get(context, EventStore).append({
        streamId: StreamId.StreamId.make("note-1"),
        expected: ExpectedRevision.any,
        events: [
          {
            id: EventId.make("00000000-0000-4000-8000-000000000001"),
            type: "Noted",
            schemaVersion: 1,
            data: {},
            metadata: {},
            occurredAt: DateTime.makeUnsafe(0)
          }
        ]
      })
      yield* workUntil(
        Effect.all([burst, Effect.ignore(append)]),
        (missing) => missing.length === 0
      )
      assert.deepStrictEqual(yield* missing, [])
    }),
  300_000
)

/** A handler of commands beside that of the host. */
const rival = Effect.flatMap(Layer.build(Layer.fresh(CommandHandler.layer)), (built) =>
  Effect.provide(CommandHandler.for(book), built)
)
