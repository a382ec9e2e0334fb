/**
 * The entry point of `pnpm bench`: measures every store beside plain SQL, in one run.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Os from "node:os"
import * as Decoding from "./Decoding.ts"
import * as Flags from "./Flags.ts"
import * as Followers from "./Followers.ts"
import * as Live from "./Live.ts"
import * as ManyReadModels from "./ManyReadModels.ts"
import * as Measure from "./Measure.ts"
import * as Memory from "./Memory.ts"
import * as Reacting from "./reacting/Reacting.ts"
import * as ReadModels from "./ReadModels.ts"
import * as Report from "./Report.ts"
import * as Rounds from "./Rounds.ts"
import * as Shortcuts from "./Shortcuts.ts"
import * as Subject from "./Subject.ts"
import * as Transfers from "./Transfers.ts"

const ROUNDS = 3

const named = <M extends { readonly name: string }>(
  measures: ReadonlyArray<M>,
  text: string
): ReadonlyArray<M> => measures.filter(({ name }) => name.includes(text))

const all: ReadonlyArray<{ readonly name: string }> = [
  ...Measure.stores,
  ...Measure.snapshots,
  ...Measure.caches,
  ...Measure.transfers,
  ...Measure.lives,
  ...Measure.orderings,
  ...Measure.decodings,
  ...Measure.catchUps,
  ...Measure.rebuilds,
  ...Measure.keepings,
  { name: ManyReadModels.name },
  { name: Memory.name },
  { name: Followers.name },
  { name: Reacting.name }
]

const command = Command.make(
  "bench",
  {
    seconds: Flags.seconds("How long each subject is measured in each measure, over all rounds", {
      absent: 2.4,
      minimum: 0.1
    }),
    only: Flags.only("measure", (text) => named(all, text).length > 0),
    out: Flag.String("out").pipe(
      Flag.withDescription("File for the results as JSON"),
      Flag.withDefault("bench-results.json")
    )
  },
  Effect.fnUntraced(function* ({ only, out, seconds }) {
    const files = yield* FileSystem.FileSystem
    yield* Console.error("Starting the databases")
    const { opens, orderings, sql, stores, versions } = yield* Subject.openAll
    const environment = {
      node: process.version,
      cpu: Os.cpus()[0]?.model ?? "unknown",
      cores: Os.availableParallelism(),
      postgres: versions
    }
    const turns: Rounds.Options = { rounds: ROUNDS, seconds: seconds / ROUNDS }
    const results: ReadonlyArray<Report.Unrated> = [
      ...(yield* Rounds.runAll(named(Measure.stores, only), opens, turns)),
      ...(yield* Rounds.runAll(named(Measure.snapshots, only), Shortcuts.loads(stores), turns)),
      ...(yield* Rounds.runAll(named(Measure.caches, only), Shortcuts.executes(stores), turns)),
      ...(yield* Rounds.runAll(named(Measure.transfers, only), Transfers.opens(stores), turns)),
      ...(yield* Rounds.runAll(named(Measure.lives, only), Live.opens(stores, sql), turns)),
      ...(yield* Rounds.runAll(named(Measure.orderings, only), orderings, turns)),
      ...(yield* Rounds.runAll(named(Measure.decodings, only), Decoding.opens, turns)),
      ...(yield* runReadModels(only, turns))
    ]
    const costs = ManyReadModels.name.includes(only) ? yield* ManyReadModels.measure(seconds) : []
    const peaks = Memory.name.includes(only) ? yield* Memory.measure : []
    const followers = Followers.name.includes(only) ? yield* Followers.measure(seconds) : []
    const reactors = Reacting.name.includes(only) ? yield* Reacting.measure : undefined
    const rated = Report.rate(results)
    yield* Console.log(Report.table(rated))
    for (const cost of costs) {
      yield* Console.log(
        `${ManyReadModels.name}, ${cost.models}: ${cost.statementsPerCommand.toFixed(1)} statements a command, ` +
          `p50 ${cost.commandP50Millis.toFixed(2)} ms, ${cost.idleStatementsPerSecond.toFixed(1)} a second when idle`
      )
    }
    for (const { events, flags, peakMiB } of peaks) {
      const log = [`${events.toLocaleString("en")} events`, ...flags].join(" ")
      yield* Console.log(`${Memory.name}, catching up with ${log}: ${Math.round(peakMiB)} MiB`)
    }
    for (const measured of followers) yield* Console.log(Followers.line(measured))
    if (reactors !== undefined) yield* Console.log(Reacting.report(reactors))
    const at = DateTime.formatIso(yield* DateTime.now)
    const json = {
      at,
      environment,
      rounds: ROUNDS,
      seconds,
      results: rated,
      costs,
      peaks,
      followers,
      reactors
    }
    yield* files.writeFileString(out, `${JSON.stringify(json, null, 2)}\n`)
    yield* Console.error(`Written to ${out}`)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Measures appending, loading and executing on every store, beside plain SQL through the same client."
  )
)

/**
 * Measures read models on a server of their own, which is filled only if `only` names one of them.
 */
const runReadModels = Effect.fnUntraced(function* (only: string, turns: Rounds.Options) {
  const catchUps = named(Measure.catchUps, only)
  const rebuilds = named(Measure.rebuilds, only)
  const keepings = named(Measure.keepings, only)
  if (catchUps.length + rebuilds.length + keepings.length === 0) return []
  yield* Console.error("Filling a log for the read models")
  const opens = yield* ReadModels.openAll
  return [
    ...(yield* Rounds.runAll(catchUps, opens.catchUps, turns)),
    ...(yield* Rounds.runAll(rebuilds, opens.rebuilds, turns)),
    ...(yield* Rounds.runAll(keepings, opens.keepings, turns))
  ]
})

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide(CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
