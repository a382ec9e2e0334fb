/**
 * The entry point of `pnpm migrate`: migrates the database at `DATABASE_URL`.
 *
 * @since 0.1.0
 */
import * as Postgres from "@daybook/store/Postgres"
import * as StartFailure from "@daybook/store/StartFailure"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Migration from "./Migration.ts"

NodeRuntime.runMain(
  Migration.run.pipe(
    Effect.andThen(Effect.logInfo("The database is migrated")),
    Effect.provide(Postgres.layer),
    StartFailure.report
  ),
  { disableErrorReporting: true }
)
