/**
 * The migrations of the shop's database: by the step of a deploy, or by a host that may.
 *
 * `deploy/postgres/roles.sql` creates the roles that it names, and `docs/guide/least-privilege.md`
 * explains them.
 *
 * @since 0.1.0
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

const roles: PostgresRoles.Roles = {
  owner: PostgresRoles.RoleName.make("daybook_owner"),
  writer: PostgresRoles.RoleName.make("daybook_writer"),
  reader: PostgresRoles.RoleName.make("daybook_reader")
}

/**
 * Migrates the log, the read models and the reactors, and grants the roles of hosts what they need.
 * Running it again changes nothing.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* PostgresMigrations.migrate
  yield* PostgresRoles.grant(roles)
  yield* sql`GRANT EXECUTE ON FUNCTION daybook.record_act TO daybook_projector, daybook_reactor`
  yield* ReadModelMigrations.migrate
  yield* ReactorMigrations.migrate
  yield* sql`GRANT USAGE ON SCHEMA reactors TO daybook_reactor`
  yield* sql`GRANT SELECT ON reactors.migrations TO daybook_reactor`
  yield* sql`GRANT SELECT, INSERT ON reactors.acts TO daybook_reactor`
  yield* sql`
    GRANT SELECT, INSERT, UPDATE, DELETE
    ON reactors.groups, reactors.members, reactors.ranges, reactors.held_keys,
      reactors.waiting_events, reactors.process_timers
    TO daybook_reactor
  `
})

/**
 * Migrates a database that lacks something of this code. A host on a migrated database needs no
 * right to migrate.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLacking = Layer.effectDiscard(
  Effect.all([PostgresMigrations.check, ReadModelMigrations.check, ReactorMigrations.check]).pipe(
    Effect.catchTag("NotMigrated", () =>
      Effect.all([
        PostgresMigrations.migrate,
        ReadModelMigrations.migrate,
        ReactorMigrations.migrate
      ])
    )
  )
)
