/**
 * The log and the consumer groups of one database: on a real server, and embedded.
 */
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Layer from "effect/Layer"

export const stores = ConsumerGroupsPostgres.layer.pipe(
  Layer.provideMerge(EventStorePostgres.layer),
  Layer.provideMerge(Layer.merge(PostgresMigrations.layer, ReactorMigrations.layer))
)

export const server = stores.pipe(
  Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 12 })),
  Layer.provideMerge(PostgresServer.PostgresServer.layer)
)

export const embedded = stores.pipe(Layer.provideMerge(EmbeddedPostgres.layer()))
