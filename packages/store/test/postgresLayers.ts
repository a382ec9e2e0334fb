/**
 * The stores of events and of snapshots on a real server and on an embedded one, each with a
 * database of its own.
 */
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const stores = Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer)
export const migrated = stores.pipe(Layer.provideMerge(PostgresMigrations.layer))

/**
 * Puts a log into partitions so small that a few appends cross several, and one after them for the
 * rest.
 */
export const partition = Effect.andThen(
  PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 12 }),
  PostgresPartitions.partition({ appendsPerPartition: Number.MAX_SAFE_INTEGER, ahead: 1 })
)

export const partitioned = stores.pipe(
  Layer.provideMerge(Layer.effectDiscard(partition)),
  Layer.provideMerge(PostgresMigrations.layer)
)

const onServer = PostgresServer.layerClient({ maxConnections: 12 }).pipe(
  Layer.provide(PostgresServer.PostgresServer.layer)
)

/** A host whose whole traffic is on one connection. */
export const serverOfOne = migrated.pipe(
  Layer.provideMerge(
    PostgresServer.layerClient({ maxConnections: 1 }).pipe(
      Layer.provide(PostgresServer.PostgresServer.layer)
    )
  )
)

export const server = migrated.pipe(Layer.provideMerge(onServer))
export const serverPartitioned = partitioned.pipe(Layer.provideMerge(onServer))

export const embedded = migrated.pipe(Layer.provideMerge(EmbeddedPostgres.layer()))
export const embeddedPartitioned = partitioned.pipe(Layer.provideMerge(EmbeddedPostgres.layer()))
