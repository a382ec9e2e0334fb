/**
 * The entry point of `pnpm bench:growth`: the same work on logs of several lengths, in turns.
 */
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type { ConfigError } from "effect/Config"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Os from "node:os"
import * as Flags from "../Flags.ts"
import * as Rounds from "../Rounds.ts"
import * as Growth from "./Growth.ts"
import * as Log from "./Log.ts"
import * as Plot from "./Plot.ts"
import * as Rows from "./Rows.ts"
import * as Sizes from "./Sizes.ts"
import * as Statements from "./Statements.ts"

const ON_SERVER: Sizes.Sizes = [10_000, 100_000, 1_000_000, 3_000_000]
const EMBEDDED: Sizes.Sizes = [10_000, 100_000, 1_000_000]

// The default of `Postgres.layer`.
const CONNECTIONS = 10

const named = (text: string) => Rows.all.filter(({ name }) => name.includes(text))

const command = Command.make(
  "bench:growth",
  {
    sizes: Flag.String("sizes").pipe(
      Flag.withDescription(
        `Events in the logs, such as 10000,1000000; by default ${ON_SERVER.join()}, embedded ${EMBEDDED.join()}`
      ),
      Flag.filterMap(Sizes.parse, (text) => `${text} is not ${Sizes.EXPECTED}`),
      Flag.optional
    ),
    seconds: Flags.seconds("How long each log is measured in each round of a row"),
    rounds: Flags.rounds(),
    only: Flags.only("row", (text) => named(text).length > 0),
    pglite: Flag.Boolean("pglite").pipe(
      Flag.withDescription("Measure the embedded PostgreSQL in memory instead of a server"),
      Flag.withDefault(false)
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("File for the results as JSON"),
      Flag.withDefault("bench-growth.json")
    ),
    plot: Flag.String("plot").pipe(
      Flag.withDescription("File for the curves as SVG, such as docs/explanation/growth.svg"),
      Flag.optional
    )
  },
  Effect.fnUntraced(
    function* ({ only, out, pglite, plot, rounds, seconds, sizes: given }) {
      const files = yield* FileSystem.FileSystem
      const sql = yield* SqlClient
      const [server] = yield* sql<{ readonly version: string }>`SELECT version() AS version`
      const sizes = Option.getOrElse(given, () => (pglite ? EMBEDDED : ON_SERVER))
      const logs: Array<Log.Log> = []
      for (const size of sizes) {
        yield* Console.error(`Filling a log with ${size.toLocaleString("en")} events`)
        yield* Log.create(size)
        logs.push(yield* Log.open(size))
      }
      const rows = named(only)
      const opens = logs.map((log) => [log.name, Effect.succeed(log)] as const)
      const results = yield* Rounds.runAll(rows, opens, { rounds, seconds })
      const growths = rows.map((row) =>
        Growth.growth(
          row,
          results.filter(({ measure }) => measure === row)
        )
      )
      yield* Console.log(`${Growth.table(growths)}\n\n${Growth.verdict(growths)}`)
      const steep = rows.filter((_, index) => {
        const growth = growths[index]
        return growth !== undefined && !Growth.isFlat(growth)
      })
      const plans = yield* Effect.forEach(
        steep,
        Effect.fnUntraced(function* (row) {
          const title = `${row.name}, ${row.concurrency} at a time`
          const statements = yield* Statements.explain(row, Log.open(Math.max(...sizes)))
          yield* Console.log(`\n${title}:\n`)
          for (const { plan, statement } of statements) {
            yield* Console.log(`${statement}\n\n${plan}\n`)
          }
          return { row: title, statements }
        })
      )
      const json = {
        at: DateTime.formatIso(yield* DateTime.now),
        environment: {
          node: process.version,
          cpu: Os.cpus()[0]?.model ?? "unknown",
          cores: Os.availableParallelism(),
          postgres: server?.version ?? "unknown"
        },
        rounds,
        seconds,
        rows: growths,
        plans
      }
      yield* files.writeFileString(out, `${JSON.stringify(json, null, 2)}\n`)
      yield* Console.error(`Written to ${out}`)
      if (Option.isSome(plot)) yield* files.writeFileString(plot.value, Plot.svg(growths))
    },
    Effect.scoped,
    (run, { pglite }) => Effect.provide(run, database(pglite))
  )
).pipe(Command.withDescription("Measures the same work on logs of several lengths, in turns."))

/** The database of the logs. */
const database = (
  pglite: boolean
): Layer.Layer<
  SqlClient,
  | EmbeddedPostgres.EmbeddedPostgresError
  | PostgresServer.PostgresServerError
  | ConfigError
  | SqlError
> =>
  pglite
    ? EmbeddedPostgres.layer()
    : PostgresServer.layerClient({ maxConnections: CONNECTIONS }).pipe(
        Layer.provide(PostgresServer.PostgresServer.layer)
      )

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide([
    NodeServices.layer,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
  ]),
  NodeRuntime.runMain
)
