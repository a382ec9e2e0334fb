/**
 * The checks of `/health/ready` that a shop on PostgreSQL has and one in memory has not.
 *
 * @since 0.1.0
 */
import * as Health from "@daybook/http/Health"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

/**
 * The checks of the database.
 *
 * @category services
 * @since 0.1.0
 */
export class StoreChecks extends Context.Service<StoreChecks, ReadonlyArray<Health.Check>>()(
  "@daybook/order-service/StoreChecks"
) {
  /** Has none. */
  static readonly layerMemory: Layer.Layer<StoreChecks> = Layer.succeed(StoreChecks, [])

  /** Has a look at the migrations: those of the log, of the read models and of the reactors. */
  static readonly layerPostgres: Layer.Layer<StoreChecks, never, SqlClient> = Layer.effect(
    StoreChecks,
    Effect.map(SqlClient, (sql) =>
      [
        Health.migrations,
        Health.succeeds("read-model-migrations", ReadModelMigrations.check),
        Health.succeeds("reactor-migrations", ReactorMigrations.check)
      ].map((check) => ({ ...check, look: Effect.provideService(check.look, SqlClient, sql) }))
    )
  )
}
