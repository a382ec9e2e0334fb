/**
 * Read models through a PgBouncer that lends sessions by the transaction.
 */
import * as Postgres from "@daybook/store/Postgres"
import * as PgBouncer from "@daybook/testing/PgBouncer"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ReadModelStoreLaws from "@daybook/testing/contracts/ReadModelStoreLaws"
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

LawSuite.suite(
  "ReadModelStorePostgres behind PgBouncer",
  ReadModelStoreLaws.laws({ runOut }),
  pooler
)

cases("Projections behind PgBouncer", pooler)
