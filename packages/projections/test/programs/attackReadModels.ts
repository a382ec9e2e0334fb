/**
 * The entry point of `pnpm attack:read-models`: kills and freezes hosts that maintain read models
 * of a large log, for a bounded time, and compares their rows with a fold from the first event. It
 * exits with 1 when a row differs, or when the time was not enough.
 */
import "effect/schema/SchemaJITCompiler/enable"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { attack } from "../runnerAttack.ts"

class RowsDiffer extends Data.TaggedError("RowsDiffer")<{ readonly different: number }> {
  override get message() {
    return `${this.different} rows are not those of a fold`
  }
}

const command = Command.make(
  "attack:read-models",
  {
    events: Flag.Int("events").pipe(
      Flag.withDescription("How many events the log has"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1_000, maximum: 10_000_000 }))),
      Flag.withDefault(1_000_000)
    ),
    seconds: Flag.Int("seconds").pipe(
      Flag.withDescription("How long catching up may take, hosts being killed meanwhile"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 3_600 }))),
      Flag.withDefault(600)
    )
  },
  Effect.fnUntraced(function* ({ events, seconds }) {
    yield* Console.log(`Filling a log with ${events.toLocaleString("en")} events`)
    const url = yield* PostgresServer.freshDatabase
    const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
      Layer.provide(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
      Layer.provide(PgClient.layer({ url }))
    )
    const found = yield* attack({
      url,
      events,
      killEvery: Duration.seconds(3),
      leaseMillis: 1_000,
      seconds,
      minimumKills: 5,
      maximumKills: Infinity
    }).pipe(Effect.provide(stores))
    yield* Console.log(`hosts killed            ${found.kills}`)
    yield* Console.log(`of them frozen before   ${found.freezes}`)
    yield* Console.log(`rows compared           ${found.rows.toLocaleString("en")}`)
    yield* Console.log(`rows that differ        ${found.different}`)
    if (found.different > 0) return yield* new RowsDiffer({ different: found.different })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Kills and freezes hosts that keep read models while they catch up, and checks every row."
  )
)

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide(CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })),
  Effect.provide(Layer.merge(NodeServices.layer, PostgresServer.PostgresServer.layer)),
  NodeRuntime.runMain
)
