/**
 * The stores of events and of snapshots on a real server and on an embedded one, each with a database of its own.
 */
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Layer from "effect/Layer"

const migrated = Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer).pipe(
  Layer.provideMerge(PostgresMigrations.layer)
)

export const server = migrated.pipe(
  Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 12 })),
  Layer.provide(PostgresServer.PostgresServer.layer)
)

export const embedded = migrated.pipe(Layer.provideMerge(EmbeddedPostgres.layer()))
