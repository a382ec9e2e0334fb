/**
 * The entry point of `pnpm bench:http`: the served shop under load, beside a handler by hand on
 * `node:http`, and its shutdown in the middle of a load.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Os from "node:os"
import * as Flags from "../Flags.ts"
import * as Comparison from "./Comparison.ts"
import * as Load from "./Load.ts"
import * as Shutdown from "./Shutdown.ts"
import * as Target from "./Target.ts"

/** Something was lost or failed, and the output says what. */
class Failed extends Data.TaggedError("Failed") {
  override readonly [Runtime.errorReported] = false
}

const WARM_UP_SECONDS = 2

/** Lets both hosts take turns, each on a database of its own. */
const compare = (options: {
  readonly connections: number
  readonly rounds: number
  readonly seconds: number
}) =>
  Effect.gen(function* () {
    const { connections, rounds } = options
    const sides = yield* Effect.forEach([Target.shop, Target.plain], (program) =>
      Effect.gen(function* () {
        const { url } = yield* Target.start(program, yield* PostgresServer.freshDatabase)
        yield* Load.run({ url, connections, seconds: WARM_UP_SECONDS })
        return { name: program.name, url, turns: new Array<Load.Figures>() }
      })
    )
    const seconds = options.seconds / rounds
    for (let round = 1; round <= rounds; round++) {
      for (const { name, turns, url } of sides) {
        yield* Console.error(`Round ${round} of ${rounds}: ${name}`)
        turns.push(yield* Load.run({ url, connections, seconds }))
      }
    }
    return sides.map(({ name, turns }) => ({ name, turns }))
  }).pipe(Effect.scoped)

const command = Command.make(
  "bench:http",
  {
    connections: Flag.Int("connections").pipe(
      Flag.withDescription("How many connections send requests, one at a time each"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
      Flag.withDefault(64)
    ),
    rounds: Flags.rounds(),
    seconds: Flags.seconds("How long each host is under load, over all rounds", {
      absent: 60,
      minimum: 1
    }),
    allowed: Flag.Finite("allowed").pipe(
      Flag.withDescription(
        "The least requests a second that the shop may have, by those of node:http"
      ),
      Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
      Flag.withDefault(0.7)
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("File for the results as JSON"),
      Flag.withDefault("bench-http.json")
    )
  },
  Effect.fnUntraced(function* ({ allowed, connections, out, rounds, seconds }) {
    const files = yield* FileSystem.FileSystem
    const hosts = yield* compare({ connections, rounds, seconds })
    yield* Console.error("Ending the shop in the middle of a load")
    const shutdown = yield* Effect.scoped(
      Effect.flatMap(PostgresServer.freshDatabase, (url) => Shutdown.run(url, connections))
    )
    const rows = hosts.map(Comparison.row)
    yield* Console.log(Comparison.table(rows))
    yield* Console.log(
      `\nSIGTERM in the middle: exit status ${shutdown.exitStatus}, ` +
        `${shutdown.acknowledged.toLocaleString("en")} commands acknowledged, of ${shutdown.lost} orders some lost`
    )
    const json = {
      at: DateTime.formatIso(yield* DateTime.now),
      environment: {
        node: process.version,
        cpu: Os.cpus()[0]?.model ?? "unknown",
        cores: Os.availableParallelism()
      },
      connections,
      rounds,
      seconds,
      hosts: rows,
      turns: hosts,
      shutdown
    }
    yield* files.writeFileString(out, `${JSON.stringify(json, null, 2)}\n`)
    yield* Console.error(`Written to ${out}`)
    const failed = rows.reduce((sum, { failed }) => sum + failed, 0)
    const isSlow = Comparison.ratio(rows) < allowed
    if (isSlow) yield* Console.log(`The shop is below ${allowed} of node:http`)
    const isLost = shutdown.acknowledged === 0 || shutdown.lost > 0
    if (isSlow || isLost || failed > 0 || shutdown.exitStatus !== 0) return yield* new Failed()
  }, Effect.provide(PostgresServer.PostgresServer.layerEmbedded))
).pipe(
  Command.withDescription(
    "Loads the served shop over HTTP beside a handler by hand, then ends it in the middle of a load."
  )
)

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide([
    NodeServices.layer,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
  ]),
  NodeRuntime.runMain
)
