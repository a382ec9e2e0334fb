/**
 * The contract of stores, with a client that follows the primary of its servers.
 */
import * as Postgres from "@daybook/store/Postgres"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { cases } from "./commandHandlerCases.ts"
import { migrated } from "./postgresLayers.ts"

const following = migrated.pipe(
  Layer.provideMerge(
    Layer.unwrap(
      Effect.map(PostgresServer.freshDatabase, (fresh) => {
        const url = new URL(Redacted.value(fresh))
        url.searchParams.set("target_session_attrs", "read-write")
        return Postgres.layerOf({ url: Redacted.make(url.href), maxConnections: 12 })
      })
    ).pipe(Layer.provide(PostgresServer.PostgresServer.layer))
  )
)

LawSuite.suite("EventStorePostgres on a primary that is followed", EventStoreLaws.laws, following)

cases("CommandHandler on a primary that is followed", following)
