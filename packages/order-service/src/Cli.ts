/**
 * The `demo` command: plays a day in a shop, or imports a file of orders or an older system's
 * events.
 *
 * @since 0.1.0
 */
import { printable, printableLine } from "@daybook/kernel/Printable"
import { EventStoreError } from "@daybook/store/EventStore"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CsvImport from "./CsvImport.ts"
import * as Day from "./Day.ts"
import * as ImportReport from "./ImportReport.ts"
import * as LegacyDemo from "./LegacyDemo.ts"
import * as LogFigures from "./LogFigures.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import * as ReadModelPage from "./ReadModelPage.ts"
import * as Stores from "./Stores.ts"

class DataWithoutEmbedded extends Data.TaggedError("DataWithoutEmbedded")<{
  readonly store: string
}> {
  override get message() {
    return `--data is the folder of --store embedded, and the store is ${this.store}`
  }
}

class LegacyWithFile extends Data.TaggedError("LegacyWithFile")<{ readonly file: string }> {
  override get message() {
    return `--legacy imports a table of its own, and ${this.file} is given too`
  }
}

const file = Argument.String("FILE.csv").pipe(
  Argument.withDescription("Orders to import; without it, a day in a shop is told"),
  Argument.optional
)

const store = Flag.Literals("store", ["memory", "embedded", "postgres"]).pipe(
  Flag.withDescription(
    "Where the log is: in this process, on an embedded Postgres, or on the server at DATABASE_URL"
  ),
  Flag.withDefault("embedded")
)

const data = Flag.String("data").pipe(
  Flag.withDescription(
    "Folder of the embedded Postgres, kept between runs; what it holds survives a killed process, not a power cut"
  ),
  Flag.withMetavar("DIR"),
  Flag.optional
)

const legacy = Flag.Boolean("legacy").pipe(
  Flag.withDescription(
    "Import the events of the shop's first system: a generated table of 10,000 rows of JSON"
  ),
  Flag.withDefault(false)
)

const chosen = (
  store: Stores.Store["_tag"],
  data: Option.Option<string>
): Effect.Effect<Stores.Store, DataWithoutEmbedded> => {
  if (store === "embedded") {
    return Effect.succeed({ _tag: store, dataDir: Option.getOrUndefined(data) })
  }
  return Option.isSome(data)
    ? Effect.fail(new DataWithoutEmbedded({ store }))
    : Effect.succeed({ _tag: store })
}

const importFile = Effect.fnUntraced(function* (path: string, store: Stores.Store) {
  // The survey comes before the store is opened: a file that can't be read to its end changes
  // nothing.
  const survey = yield* CsvImport.survey(path)
  const style = yield* Output.style
  const [rows, orders] = [
    Output.count(survey.rows, "row"),
    Output.count(survey.orders.size, "order")
  ]
  yield* Console.log(
    `${style.bold(printable(path))}: ${rows}, ${orders}, into ${Stores.describe(store)}`
  )
  yield* Effect.gen(function* () {
    const imported = yield* Progress.withBar(survey.rows, (draw) => CsvImport.run(survey, draw))
    const log = yield* LogFigures.read(survey.orders.keys())
    yield* ImportReport.print(survey, imported, log)
    yield* ReadModelPage.tell
    yield* ImportReport.end(imported)
  }).pipe(Effect.provide(Stores.layer(store)))
})

const command = Command.make(
  "demo",
  { file, store, data, legacy },
  Effect.fnUntraced(function* (input) {
    const store = yield* chosen(input.store, input.data)
    if (input.legacy) {
      return yield* Option.match(input.file, {
        onNone: () => LegacyDemo.run(store),
        onSome: (path) => Effect.fail(new LegacyWithFile({ file: path }))
      })
    }
    return yield* Option.match(input.file, {
      onNone: () => Day.tell(store),
      onSome: (path) => importFile(path, store)
    })
  })
).pipe(
  Command.withDescription(
    "Orders through pure decisions into an append-only log, and questions that only a log can answer."
  ),
  Command.withExamples([
    { command: "pnpm demo", description: "A day in a shop" },
    {
      command: "pnpm demo orders.csv --data ./shop",
      description: "Import a file, and keep the log"
    },
    { command: "pnpm demo --legacy", description: "Import the events of an older system" }
  ])
)

/**
 * Prints one line for a wrong invocation; the built-in presenter prints the whole help before it.
 */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? complain(`${event.errors.map((error) => error.message).join("; ")} (see --help)`)
      : CliOutput.defaultPresenter.present(event)
}

const complain = (problem: string) => Console.error(`demo: ${printableLine(problem)}`)

const goesOn = "what was recorded stays, and running it again goes on from there"

/** Prints a failure in one line, and a defect whole, since it is a bug to report. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return complain(`interrupted; ${goesOn}`)
  if (Cause.hasDies(cause)) return Console.error(`demo: a bug: ${Cause.pretty(cause)}`)
  const error = Cause.squash(cause)
  // The presenter has printed it already.
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return Effect.void
  if (error instanceof EventStoreError) {
    return complain(
      `the store failed (${error.operation}): ${StartFailure.lineOf(error.cause)}; ${goesOn}`
    )
  }
  return complain(error instanceof Error ? error.message : String(error))
}

/**
 * Runs the command on the arguments of the process, and prints a failure in one line on standard
 * error.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Command.run(command, { version: "0.1.0" }).pipe(
  Effect.onExit((exit) => (Exit.isFailure(exit) ? report(exit.cause) : Effect.void)),
  Effect.provide(
    Layer.mergeAll(
      CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] }),
      CliOutput.layerPresenter(presenter)
    )
  )
)
