/**
 * Read models through a PgBouncer that lends sessions by the transaction.
 */
import * as Postgres from "@daybook/store/Postgres"
import * as PgBouncer from "@daybook/testing/PgBouncer"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runOut, stores } from "./postgresLayers.ts"
import { cases } from "./runnerCases.ts"

const pooler = stores.pipe(
  Layer.provideMerge(
    Layer.unwrap(
      Effect.gen(function* () {
        const url = yield* PgBouncer.before(yield* PostgresServer.freshDatabase)
        return Postgres.layerOf({ url, maxConnections: 12 })
      })
    )
  ),
  Layer.provideMerge(PostgresServer.PostgresServer.layer)
)

ReadModelStoreSuite.suite("ReadModelStorePostgres behind PgBouncer", pooler, { runOut })

cases("Projections behind PgBouncer", pooler)
