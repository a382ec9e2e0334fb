import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { assertKept } from "./orderCommands.ts"

const cases = <E>(where: string, client: Layer.Layer<SqlClient, E>, runs: number) => {
  layer(client, { timeout: "2 minutes", excludeTestServices: true })(where, (it) => {
    it.effect("holds the read models of orders as the accepted commands come to", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        let run = 0
        // Each run has its own log, in one database.
        const newStores = () => {
          run++
          return Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
            Layer.provide(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
            Layer.provide(
              Layer.mergeAll(
                Layer.succeed(SqlClient, sql),
                Layer.succeed(PostgresSchema, SchemaName.make(`log_${run}`)),
                Layer.succeed(ReadModelSchema, SchemaName.make(`rows_${run}`))
              )
            )
          )
        }
        yield* Effect.promise(() => assertKept(newStores, { runs, lease: "250 millis" }))
      })
    )
  })
}

cases(
  "A PostgreSQL server",
  PostgresServer.layerClient({ maxConnections: 12 }).pipe(
    Layer.provide(PostgresServer.PostgresServer.layer)
  ),
  8
)

cases("An embedded PostgreSQL", EmbeddedPostgres.layer(), 5)
