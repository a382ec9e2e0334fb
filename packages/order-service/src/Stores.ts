/**
 * The databases that a shop can run on.
 *
 * @since 0.1.0
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import type { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import * as ProcessTimersPostgres from "@daybook/reactors/ProcessTimersPostgres"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Migration from "./Migration.ts"

/**
 * A place for the log.
 *
 * @category types
 * @since 0.1.0
 */
export type Store =
  | { readonly _tag: "memory" }
  /** An embedded Postgres, in memory unless a folder is given. */
  | { readonly _tag: "embedded"; readonly dataDir: string | undefined }
  /** The Postgres server at `DATABASE_URL`. */
  | { readonly _tag: "postgres" }

/**
 * The store cannot be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  readonly store: Store
  readonly cause: unknown
}> {
  override get message() {
    return `cannot open the store: ${StartFailure.lineOf(this.cause)}`
  }
}

/**
 * Describes the store in words.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = (store: Store): string => {
  switch (store._tag) {
    case "memory":
      return "a store in memory"
    case "embedded":
      return store.dataDir === undefined
        ? "an embedded Postgres in memory"
        : `the embedded Postgres in ${store.dataDir}`
    case "postgres":
      return "the Postgres at DATABASE_URL"
  }
}

/**
 * The log, the snapshots, the rows of read models, and the progress of reactors and processes.
 *
 * @category types
 * @since 0.1.0
 */
export type Services = EventStore | SnapshotStore | ReadModelStore | ConsumerGroups | ProcessTimers

/**
 * Opens the log of a store and all that is kept beside it, migrated.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (store: Store): Layer.Layer<Services, StoreUnavailable> =>
  layerWith(store, { memory: Layer.empty, postgres: Layer.empty })

/**
 * Opens the same, with more services on the same database, or in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = <A, E>(
  store: Store,
  more: {
    readonly memory: Layer.Layer<A, never, Services>
    readonly postgres: Layer.Layer<A, E, SqlClient>
  }
): Layer.Layer<A | Services, StoreUnavailable> => {
  const orUnavailable = Layer.catch((cause: unknown) =>
    Layer.effectContext(Effect.fail(new StoreUnavailable({ store, cause })))
  )
  const opened = Layer.merge(onPostgres, more.postgres)
  switch (store._tag) {
    case "memory":
      return Layer.provideMerge(more.memory, inMemory)
    case "embedded":
      return opened.pipe(
        Layer.provide([
          PostgresMigrations.layer,
          ReadModelMigrations.layer,
          ReactorMigrations.layer
        ]),
        Layer.provide(EmbeddedPostgres.layer({ dataDir: store.dataDir })),
        orUnavailable
      )
    case "postgres":
      return opened.pipe(
        Layer.provide(Migration.layerLacking),
        Layer.provide(server),
        orUnavailable
      )
  }
}

const server = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* Config.option(Config.Redacted("DATABASE_URL"))
    return Option.isSome(url) ? Postgres.layer : yield* Effect.fail("DATABASE_URL is not set")
  })
)

const inMemory = Layer.mergeAll(
  SnapshotStoreMemory.layer,
  ReadModelStoreMemory.layer,
  ConsumerGroupsMemory.layer,
  ProcessTimersMemory.layer
).pipe(Layer.provideMerge(EventStoreMemory.layer))

const onPostgres = Layer.mergeAll(
  SnapshotStorePostgres.layer,
  ReadModelStorePostgres.layer,
  ConsumerGroupsPostgres.layer,
  ProcessTimersPostgres.layer
).pipe(Layer.provideMerge(EventStorePostgres.layer))
