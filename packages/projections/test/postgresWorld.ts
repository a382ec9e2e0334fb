/**
 * A log in PostgreSQL that is restored as an operator does it: as a superuser, while it is in use.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { World } from "./historyCases.ts"

export const world = Layer.effect(
  World,
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const events = yield* EventStore
    const scope = yield* Effect.scope
    let logs = 0
    return {
      restore: (keep: number) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`ALTER TABLE daybook.events DISABLE TRIGGER append_only`
            yield* sql`DELETE FROM daybook.events WHERE position > (
              SELECT max(position) FROM (
                SELECT position FROM daybook.events ORDER BY position LIMIT ${keep}::integer) AS kept)`
            yield* sql`ALTER TABLE daybook.events ENABLE ALWAYS TRIGGER append_only`
            yield* sql`SELECT setval('daybook.append_number', (
              SELECT (max(position) - 1) / 1024 + 1 FROM daybook.events))`
            return events
          })
        ),
      another: Effect.gen(function* () {
        const name = `log_${++logs}`
        const schema = SchemaName.make(name)
        const readModels = SchemaName.make(`${name}_read_models`)
        yield* Effect.provideService(PostgresMigrations.migrate, PostgresSchema, schema)
        yield* Effect.provideService(ReadModelMigrations.migrate, ReadModelSchema, readModels)
        return {
          events: yield* Effect.provideService(EventStorePostgres.make, PostgresSchema, schema),
          rows: yield* ReadModelStorePostgres.make.pipe(
            Effect.provideService(PostgresSchema, schema),
            Effect.provideService(ReadModelSchema, readModels)
          )
        }
      }).pipe(Effect.provideService(SqlClient, sql), Effect.provideService(Scope.Scope, scope))
    }
  })
)
