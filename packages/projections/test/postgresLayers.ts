/**
 * The log and the read models of one database: on a real server, and embedded.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import type { Claim } from "@daybook/projections/driver/ReadModelGeneration"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

export const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
  Layer.provideMerge(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer))
)

export const server = stores.pipe(
  Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 12 })),
  Layer.provideMerge(PostgresServer.PostgresServer.layer)
)

/**
 * Sessions with unusual defaults: serializable transactions, another format of instants, another
 * search path, and more.
 */
export const unusual = stores.pipe(
  Layer.provideMerge(
    PostgresServer.layerClient({
      maxConnections: 12,
      startupParameters: PostgresServer.unusualSettings
    })
  ),
  Layer.provideMerge(PostgresServer.PostgresServer.layer)
)

/** The stores on one connection, for tests of the state of a session. */
export const oneConnection = stores.pipe(
  Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 1 })),
  Layer.provide(PostgresServer.PostgresServer.layer)
)

export const embedded = stores.pipe(Layer.provideMerge(EmbeddedPostgres.layer()))

/** Ends a lease by the server's clock, as if its time had passed. */
export const runOut = Effect.fnUntraced(function* ({ generation, name }: Claim) {
  const sql = yield* SqlClient
  for (const table of ["daybook__generations", "daybook__checkpoints"]) {
    yield* sql`
      UPDATE ${sql(`read_models.${table}`)} SET lease_ends = clock_timestamp()
      WHERE name = ${name}::text AND generation = ${generation}::integer AND lease_ends IS NOT NULL`
  }
})
