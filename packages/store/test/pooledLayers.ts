/**
 * A client on a database of its own, behind a PgBouncer that lends sessions by the transaction.
 */
import * as Postgres from "@daybook/store/Postgres"
import * as PgBouncer from "@daybook/testing/PgBouncer"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { partitioned, migrated } from "./postgresLayers.ts"

const pooled = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* PgBouncer.before(yield* PostgresServer.freshDatabase)
    return Postgres.layerOf({ url, maxConnections: 12 })
  })
).pipe(Layer.provide(PostgresServer.PostgresServer.layer))

export const pooler = migrated.pipe(Layer.provideMerge(pooled))
export const poolerPartitioned = partitioned.pipe(Layer.provideMerge(pooled))
