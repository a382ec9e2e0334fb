import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { attack } from "./runnerAttack.ts"

layer(PostgresServer.PostgresServer.layer, { timeout: "2 minutes", excludeTestServices: true })(
  "Hosts that keep read models",
  (it) => {
    it.effect(
      "have the rows of a fold though they are killed and frozen as they catch up",
      () =>
        Effect.gen(function* () {
          const url = yield* PostgresServer.freshDatabase
          const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
            Layer.provide(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
            Layer.provide(PgClient.layer({ url }))
          )
          const found = yield* attack({
            url,
            events: 40_000,
            killEvery: Duration.seconds(2),
            leaseMillis: 1_000,
            seconds: 280,
            minimumKills: 4,
            // On a loaded machine a host has hardly begun when it is killed.
            maximumKills: 8
          }).pipe(Effect.provide(stores))
          assert.isAtLeast(found.kills, 4)
          assert.isAtLeast(found.freezes, 1)
          assert.isAbove(found.rows, 1_600)
          assert.strictEqual(found.different, 0)
        }).pipe(Effect.scoped),
      300_000
    )
  }
)
