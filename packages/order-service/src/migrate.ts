/**
 * The entry point of `pnpm migrate`: migrates the database at `DATABASE_URL`.
 *
 * @since 0.1.0
 */
import * as NodeProcess from "@daybook/http/NodeProcess"
import * as Postgres from "@daybook/store/Postgres"
import * as Effect from "effect/Effect"
import * as Migration from "./Migration.ts"

NodeProcess.run(
  Migration.run.pipe(
    Effect.andThen(Effect.logInfo("The database is migrated")),
    Effect.provide(Postgres.layer)
  ),
  { name: "migrate" }
)
