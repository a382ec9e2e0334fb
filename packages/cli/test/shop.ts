/** A database with the orders of the fixture and their read models. */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { Projections } from "@daybook/projections/Projections"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as ImportLog from "../src/internal/log/importLog.ts"
import { FIXTURE } from "./child.ts"
import config from "./fixtures/daybook.config.ts"

const quiet = () => Effect.void

/** Runs an effect on a database, as its superuser. */
export const on = <A, E, R>(url: string, effect: Effect.Effect<A, E, R | SqlClient>) =>
  Effect.provide(effect, PgClient.layer({ url: Redacted.make(url), maxConnections: 2 }))

/** Runs a statement on a database, as its superuser. */
export const sqlOn = (url: string, statement: string) =>
  on(
    url,
    Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement))
  )

/** A fresh database with the tables of all parts, and no event. */
export const empty = Effect.gen(function* () {
  const url = Redacted.value(yield* PostgresServer.freshDatabase)
  yield* on(
    url,
    Effect.all([PostgresMigrations.migrate, ReadModelMigrations.migrate, ReactorMigrations.migrate])
  )
  return url
})

/** A fresh database with the orders, and with their rows up to date. */
export const shop = Effect.gen(function* () {
  const url = yield* empty
  yield* on(
    url,
    Effect.gen(function* () {
      const lines = Fs.readFileSync(FIXTURE, "utf8").trimEnd().split("\n")
      yield* ImportLog.run(Stream.fromIterable(lines), quiet)
      yield* caughtUp
    }).pipe(Effect.provide(EventStorePostgres.layer))
  )
  return url
})

/** Appends an event to a stream of its own. */
export const note = (url: string) =>
  on(
    url,
    Effect.gen(function* () {
      yield* (yield* EventStore).append({
        streamId: StreamId.StreamId.make("note-1"),
        expected: ExpectedRevision.any,
        events: [
          {
            id: EventId.make("00000000-0000-4000-8000-000000000001"),
            type: "Noted",
            schemaVersion: 1,
            data: { text: "live" },
            metadata: {},
            occurredAt: DateTime.makeUnsafe(0)
          }
        ]
      })
    }).pipe(Effect.provide(EventStorePostgres.layer))
  )

/** Maintains the read models of the configuration up to the head. */
export const caughtUp = Effect.gen(function* () {
  const projections = yield* Projections
  const head = yield* (yield* EventStore).head
  yield* Effect.forEach(config.projections, ({ name }) =>
    projections.waitFor(name, head, "2 minutes")
  )
}).pipe(
  Effect.provide(Projections.layerRunner({ async: config.projections })),
  Effect.provide(ReadModelStorePostgres.layer)
)

/** The orders that tests read and none changes. */
export class Shop extends Context.Service<Shop, { readonly url: string }>()("test/Shop") {
  static readonly layer = Layer.effect(
    Shop,
    Effect.map(shop, (url) => ({ url }))
  ).pipe(Layer.provideMerge(PostgresServer.PostgresServer.layer))
}
