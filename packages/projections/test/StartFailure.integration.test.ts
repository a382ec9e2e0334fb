import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { NotMigrated } from "@daybook/store/PostgresStart"
import * as StartFailure from "@daybook/store/StartFailure"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

const lineOf = (host: Layer.Layer<never, unknown, SqlClient>) =>
  Layer.build(Layer.fresh(host)).pipe(
    Effect.scoped,
    Effect.sandbox,
    Effect.flip,
    Effect.map(StartFailure.lineOf)
  )

const stores = Layer.provideMerge(ReadModelStorePostgres.layer, EventStorePostgres.layer)

const services = PostgresServer.layerClient().pipe(
  Layer.provide(PostgresServer.PostgresServer.layer)
)

layer(services, { timeout: 60_000, excludeTestServices: true })(
  "A host that keeps read models says in one line that",
  (it) => {
    it.effect("their schema is not migrated, when it starts", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const [row] = yield* sql<{ readonly name: string }>`SELECT current_database()::text AS name`
        yield* PostgresMigrations.migrate
        const error = yield* Effect.flip(
          Effect.scoped(Layer.build(Layer.fresh(ReadModelStorePostgres.layer)))
        )
        assert.instanceOf(error, NotMigrated)
        const hosts: ReadonlyArray<Layer.Layer<never, unknown, SqlClient>> = [
          ReadModelStorePostgres.layer,
          Projections.layer({}).pipe(Layer.provide(stores)),
          Projections.layerAppends([]).pipe(Layer.provide(stores))
        ]
        for (const host of hosts) {
          assert.match(
            yield* lineOf(host),
            new RegExp(
              `^Schema read_models of database ${row?.name} is not migrated: ` +
                "it has no migrations and this code needs \\d+: run ReadModelMigrations$"
            )
          )
        }
        yield* ReadModelMigrations.migrate
        yield* Effect.scoped(Layer.build(Layer.fresh(ReadModelStorePostgres.layer)))
        yield* sql`DELETE FROM read_models.daybook__migrations`
        const older = yield* Effect.flip(
          Effect.scoped(Layer.build(Layer.fresh(ReadModelStorePostgres.layer)))
        )
        assert.instanceOf(older, NotMigrated)
      })
    )

    it.effect("their role may not migrate", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const line = yield* sql.withTransaction(
          Effect.andThen(
            sql`SET LOCAL ROLE pg_monitor`,
            lineOf(ReadModelMigrations.layer.pipe(Layer.provide(Layer.succeed(SqlClient, sql))))
          )
        )
        assert.match(
          line,
          /^permission denied for .*: run PostgresRoles, or connect as a role that may/
        )
      })
    )
  }
)
