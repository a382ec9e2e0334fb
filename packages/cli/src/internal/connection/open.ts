/**
 * Opens the store of a command: only the parts that the command uses, so that it needs only the
 * rights of these.
 */
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import { ReactorSchema } from "@daybook/reactors/ReactorSchema"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import { PostgresSchema, type SchemaName } from "@daybook/store/PostgresSchema"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { Path } from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type { SqlClient } from "effect/sql/SqlClient"
import { Missing } from "../exit.ts"
import type { Target } from "./target.ts"

/** The schemas of the database; undefined for the defaults of the stores. */
export interface Schemas {
  readonly log: SchemaName | undefined
  readonly readModels: SchemaName | undefined
  readonly reactors: SchemaName | undefined
}

/** A command needs few connections, and a server has not many. */
const MAX_CONNECTIONS = 4

/**
 * The SQL client. The folder of an embedded database must hold one, unless the command `creates`
 * it.
 */
export const client = (
  target: Target,
  { creates = false }: { readonly creates?: boolean } = {}
): Layer.Layer<
  PgClient | SqlClient,
  Postgres.StartError | EmbeddedPostgres.EmbeddedPostgresError | Missing | PlatformError,
  FileSystem | Path
> =>
  target._tag === "server"
    ? Postgres.layerOf({ url: target.url, maxConnections: MAX_CONNECTIONS })
    : Layer.unwrap(
        Effect.gen(function* () {
          const { dataDir } = target
          const fs = yield* FileSystem
          const path = yield* Path
          if (!creates && !(yield* fs.exists(path.join(dataDir, "pgdata")))) {
            return yield* new Missing({ what: "embedded database in", name: dataDir })
          }
          return EmbeddedPostgres.layer({ dataDir })
        })
      )

/** The references to the schemas. */
export const schemas = ({ log, reactors, readModels }: Schemas): Layer.Layer<never> =>
  Layer.mergeAll(
    log === undefined ? Layer.empty : Layer.succeed(PostgresSchema, log),
    readModels === undefined ? Layer.empty : Layer.succeed(ReadModelSchema, readModels),
    reactors === undefined ? Layer.empty : Layer.succeed(ReactorSchema, reactors)
  )

/** The log. */
export const log = EventStorePostgres.layer

/** The log with the read models. */
export const readModels = Layer.merge(ReadModelStorePostgres.layer, log)

/** The log with the snapshots. */
export const snapshots = Layer.merge(SnapshotStorePostgres.layer, log)

/** The log with the consumer groups. */
export const groups = Layer.provideMerge(ConsumerGroupsPostgres.layer, log)
