/**
 * The command with all its subcommands.
 */
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Path } from "effect/Path"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { Misused } from "../exit.ts"
import { catalog } from "./catalog.ts"
import { contexts } from "./contexts.ts"
import { exportLog, importLog } from "./copy.ts"
import { doctor } from "./doctor.ts"
import { events } from "./events.ts"
import { migrate } from "./migrate.ts"
import { projections } from "./projections.ts"
import { query } from "./query.ts"
import { reactors } from "./reactors.ts"
import { root } from "./root.ts"
import { show } from "./show.ts"
import { snapshots } from "./snapshots.ts"
import { stats } from "./stats.ts"
import { streams } from "./streams.ts"
import { tail } from "./tail.ts"
import { verify } from "./verify.ts"

const command = root.pipe(
  Command.withDescription(
    "Looks at a Daybook log, checks it, copies it, and operates what is maintained from it. The store is the one of --url, --data, --context, DAYBOOK_CONTEXT or DATABASE_URL."
  ),
  Command.withExamples([
    { command: "daybook streams --data ./shop-data", description: "The streams of a folder" },
    { command: "daybook show order-42", description: "A stream and its state" },
    { command: "daybook --completions bash", description: "The completions of a shell" }
  ]),
  Command.withSubcommands([
    { group: "Look", commands: [streams, show, events, tail, query, catalog, stats] },
    { group: "Check", commands: [verify, doctor] },
    { group: "Copy", commands: [exportLog, importLog] },
    { group: "Operate", commands: [migrate, projections, reactors, snapshots] },
    { group: "This command", commands: [contexts] }
  ])
)

/** The version of this package, as its description names it, in `src` and in `dist`. */
const version = Effect.gen(function* () {
  const fs = yield* FileSystem
  const path = yield* Path
  const file = yield* path.fromFileUrl(new URL("../../../package.json", import.meta.url))
  const read = yield* Effect.flatMap(
    fs.readFileString(file),
    Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))
  )
  return read.version
}).pipe(Effect.orDie)

/** Leaves wrong invocations to `main`: the built-in presenter would print the whole help. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event)
}

/** Runs the command on the arguments of the process. */
export const run = Effect.flatMap(version, (found) =>
  Command.run(command, { version: found })
).pipe(
  Effect.mapError((error) =>
    CliError.isCliError(error) && error._tag === "ShowHelp"
      ? new Misused({
          problem:
            error.errors.length === 0
              ? `${error.commandPath.join(" ")} needs a subcommand (see --help)`
              : `${error.errors.map(({ message }) => message).join("; ")} (see --help)`
        })
      : error
  ),
  Effect.provide(
    Layer.mergeAll(
      CliConfig.layer({
        builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
      }),
      CliOutput.layerPresenter(presenter),
      // Standard output is for the answer.
      Logger.layer([Logger.withConsoleError(Logger.formatSimple)]),
      Layer.succeed(References.MinimumLogLevel, "Warn")
    )
  )
)
