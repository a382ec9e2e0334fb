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
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CommandLine from "./CommandLine.ts"
import * as CsvImport from "./CsvImport.ts"
import * as Day from "./Day.ts"
import * as DemoShop from "./DemoShop.ts"
import * as ImportReport from "./ImportReport.ts"
import * as LegacyDemo from "./LegacyDemo.ts"
import * as LogFigures from "./LogFigures.ts"
import * as Night from "./Night.ts"
import { ShopFailed } from "./Orders.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { ReadModelPage } from "./ReadModelPage.ts"
import * as StoreFlags from "./StoreFlags.ts"

class LegacyWithFile extends Data.TaggedError("LegacyWithFile")<{ readonly file: string }> {
  override get message() {
    return `--legacy imports a table of its own, and ${this.file} is given too`
  }
}

class LegacyOfServedShop extends Data.TaggedError("LegacyOfServedShop")<{ readonly url: string }> {
  override get message() {
    return `--legacy copies rows into the log itself, and --url names ${this.url}`
  }
}

const file = Argument.String("FILE.csv").pipe(
  Argument.withDescription("Orders to import; without it, a day in a shop is told"),
  Argument.optional
)

const url = Flag.String("url").pipe(
  Flag.withDescription(
    "A shop that pnpm start serves, to work on instead; DAYBOOK_TOKEN is the token of the caller"
  ),
  Flag.withMetavar("URL"),
  Flag.withSchema(Schema.URLFromString),
  Flag.optional
)

const legacy = Flag.Boolean("legacy").pipe(
  Flag.withDescription(
    "Import the events of the shop's first system: a generated table of 10,000 rows of JSON"
  ),
  Flag.withDefault(false)
)

/** An import over HTTP has failed, and its rows have ids by which the shop knows them again. */
class ImportStopped extends Data.TaggedError("ImportStopped")<{ readonly cause: ShopFailed }> {
  override get message() {
    return `${this.cause.message}; ${GOES_ON}`
  }
}

const GOES_ON = "what was recorded stays, and running it again goes on from there"

const tellDay = Effect.fnUntraced(function* (shop: DemoShop.DemoShop) {
  yield* Console.log(`Opening ${DemoShop.describe(shop)}.`)
  if (shop._tag === "served") {
    yield* Console.log(
      "Its events have its caller as their actor, and not the clerks of this page."
    )
  }
  yield* Day.run.pipe(
    Effect.flatMap(({ till }) => Night.run(till)),
    Effect.andThen(ReadModelPage.use(({ tell }) => tell)),
    Effect.provide(DemoShop.layer(shop))
  )
})

const importFile = Effect.fnUntraced(function* (path: string, shop: DemoShop.DemoShop) {
  // The survey comes before the shop is opened: a file that can't be read to its end changes
  // nothing.
  const survey = yield* CsvImport.survey(path)
  const style = yield* Output.style
  const [rows, orders] = [
    Output.count(survey.rows, "row"),
    Output.count(survey.orders.size, "order")
  ]
  yield* Console.log(
    `${style.bold(printable(path))}: ${rows}, ${orders}, into ${DemoShop.describe(shop)}`
  )
  yield* Effect.gen(function* () {
    const imported = yield* Progress.withBar(survey.rows, (draw) => CsvImport.run(survey, draw))
    const log = yield* LogFigures.read(survey.orders.keys())
    yield* ImportReport.print(survey, imported, log)
    yield* (yield* ReadModelPage).tell
    yield* ImportReport.end(imported)
  }).pipe(
    Effect.mapError((error) =>
      error instanceof ShopFailed ? new ImportStopped({ cause: error }) : error
    ),
    Effect.provide(DemoShop.layer(shop))
  )
})

const command = Command.make(
  "demo",
  {
    file,
    store: Flag.optional(StoreFlags.store),
    data: Flag.optional(StoreFlags.data),
    url,
    legacy
  },
  Effect.fnUntraced(function* (input) {
    const token = yield* Config.option(Config.Redacted("DAYBOOK_TOKEN"))
    const shop = yield* Effect.fromResult(DemoShop.fromFlags(input, token))
    if (input.legacy) {
      if (shop._tag === "served") return yield* new LegacyOfServedShop({ url: shop.url })
      return yield* Option.match(input.file, {
        onNone: () => LegacyDemo.run(shop),
        onSome: (path) => Effect.fail(new LegacyWithFile({ file: path }))
      })
    }
    return yield* Option.match(input.file, {
      onNone: () => tellDay(shop),
      onSome: (path) => importFile(path, shop)
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

const complain = (problem: string) => Console.error(`demo: ${printableLine(problem)}`)

/** Prints a failure in one line, and a defect whole, since it is a bug to report. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return complain(`interrupted; ${GOES_ON}`)
  if (Cause.hasDies(cause)) return Console.error(`demo: a bug: ${Cause.pretty(cause)}`)
  const error = Cause.squash(cause)
  if (error instanceof EventStoreError) {
    return complain(
      `the store failed (${error.operation}): ${StartFailure.lineOf(error.cause)}; ${GOES_ON}`
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
export const run = CommandLine.run(command).pipe(
  Effect.onExit((exit) => (Exit.isFailure(exit) ? report(exit.cause) : Effect.void))
)
