/**
 * Serves the library over HTTP, until a signal ends it.
 *
 * The log is on the PostgreSQL server at `DATABASE_URL`, or else on an embedded one in the folder
 * `library-data`. `PORT` is the port, 3000 when absent; the variables of logs and traces are those
 * of `Telemetry`.
 */
import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Health from "@daybook/http/Health"
import * as LogApi from "@daybook/http/LogApi"
import * as NodeHost from "@daybook/http/NodeHost"
import * as NodeProcess from "@daybook/http/NodeProcess"
import * as ReadModelApi from "@daybook/http/ReadModelApi"
import * as Telemetry from "@daybook/http/Telemetry"
import * as ProjectionMetrics from "@daybook/projections/ProjectionMetrics"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import { HttpServer, formatAddress } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import { Away, book, Command } from "./Book.ts"
import { loans } from "./Loans.ts"

const parts = [
  AggregateApi.make(book, { name: "books", command: Command, rejection: Away }),
  ReadModelApi.make(loans, { name: "loans", where: ["reader"] }),
  LogApi.make({ name: "log" })
] as const
const [books, rows, log] = parts

const api = HttpApi.make("library").add(books.group, rows.group, log.group)

type Database = Layer.Layer<PgClient | SqlClient, unknown>

const database = Layer.unwrap(
  Effect.map(Config.option(Config.Redacted("DATABASE_URL")), (url): Database =>
    Option.isSome(url) ? Postgres.layer : EmbeddedPostgres.layer({ dataDir: "library-data" })
  )
)

const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
  Layer.provide(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
  Layer.provideMerge(database)
)

/** For operators: keep them from strangers by a proxy. */
const routes = Layer.merge(
  Health.layer({ checks: [Health.store, Health.migrations] }),
  Telemetry.metrics
)

/** On loopback, where everyone may do everything: callers and networks need `Authentication`. */
const http = Layer.unwrap(
  Effect.map(Config.Int("PORT").pipe(Config.withDefault(3000)), (port) =>
    NodeHost.layer(api, parts, { port, routes })
  )
)

const host = Layer.effectDiscard(
  Effect.flatMap(HttpServer, ({ address }) =>
    Effect.logInfo(`The library serves on ${formatAddress(address)}`)
  )
).pipe(
  Layer.provide(http),
  Layer.provide(Layer.merge(CommandHandler.layer, ProjectionMetrics.layer())),
  Layer.provide(Projections.layer({ async: [loans] })),
  Layer.provide(stores),
  Layer.provide(Telemetry.layer)
)

NodeProcess.run(Layer.launch(host), { name: "library" })
