/**
 * The stores that the demo can run on, with their read models.
 *
 * @since 0.1.0
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import * as LegacyTable from "./LegacyTable.ts"
import { ReadModelFigures } from "./ReadModelFigures.ts"
import * as ReadModelSql from "./ReadModelSql.ts"

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
 * Provides the log of a store and its read models, migrated, with a command handler.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  store: Store
): Layer.Layer<CommandHandler | EventStore | ReadModelStore | ReadModelFigures, StoreUnavailable> =>
  Layer.provideMerge(CommandHandler.layer, on(store, { memory: inMemory, postgres: onPostgres }))

/**
 * Provides the same, with the table of the shop's first system in the same database, or in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLegacy = (
  store: Store
): Layer.Layer<
  CommandHandler | EventStore | ReadModelStore | ReadModelFigures | LegacyTable.LegacyTable,
  StoreUnavailable
> =>
  Layer.provideMerge(
    CommandHandler.layer,
    on(store, {
      memory: Layer.merge(inMemory, LegacyTable.layerMemory),
      postgres: Layer.merge(onPostgres, LegacyTable.layerPostgres)
    })
  )

/** Chooses the layer for the store and provides its database. */
const on = <A, E>(
  store: Store,
  layers: { readonly memory: Layer.Layer<A>; readonly postgres: Layer.Layer<A, E, SqlClient> }
): Layer.Layer<A, StoreUnavailable> => {
  const orUnavailable = <B, F, R>(layer: Layer.Layer<B, F, R>) =>
    Layer.catch(layer, (cause) =>
      Layer.effectContext(Effect.fail(new StoreUnavailable({ store, cause })))
    )
  switch (store._tag) {
    case "memory":
      return layers.memory
    case "embedded":
      return layers.postgres.pipe(
        Layer.provide(EmbeddedPostgres.layer({ dataDir: store.dataDir })),
        orUnavailable
      )
    case "postgres":
      return layers.postgres.pipe(Layer.provide(server), orUnavailable)
  }
}

const server = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* Config.option(Config.Redacted("DATABASE_URL"))
    return Option.isSome(url) ? Postgres.layer : yield* Effect.fail("DATABASE_URL is not set")
  })
)

const inMemory = Layer.merge(
  EventStoreMemory.layer,
  Layer.provideMerge(ReadModelFigures.layer, ReadModelStoreMemory.layer)
)

const onPostgres = Layer.mergeAll(
  EventStorePostgres.layer,
  ReadModelStorePostgres.layer,
  ReadModelSql.layer
).pipe(Layer.provide([PostgresMigrations.layer, ReadModelMigrations.layer]))
