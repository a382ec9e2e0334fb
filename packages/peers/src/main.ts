/**
 * The entry point of `pnpm bench:peers`: Daybook and its peers on one server, in one run.
 */
import * as Flags from "@daybook/benchmarks/Flags"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Reactivity from "effect/reactivity/Reactivity"
import { CONNECTIONS } from "./Contender.ts"
import * as Contenders from "./Contenders.ts"
import * as Daybook from "./Daybook.ts"
import * as Emmett from "./Emmett.ts"
import * as Castore from "./Castore.ts"
import * as Pg from "./Pg.ts"
import * as Pgbench from "./Pgbench.ts"
import * as SqlPg from "./SqlPg.ts"
import * as Environment from "./Environment.ts"
import * as Report from "./Report.ts"
import * as Rounds from "./Rounds.ts"
import * as SlowCommit from "./SlowCommit.ts"
import * as Workload from "./Workload.ts"

const workloads = Workload.onServer(Workload.ORDERS)
const all = [...workloads, ...Workload.ofBulk, ...Workload.inProcess]

const command = Command.make(
  "bench:peers",
  {
    rounds: Flags.rounds(),
    seconds: Flags.seconds("How long each contender is measured in each round; pgbench 1 at least"),
    only: Flags.only("workload", (text) => all.some(({ name }) => name.includes(text))),
    server: Flag.String("server").pipe(
      Flag.withDescription(
        "A folder of PostgreSQL's binaries to run it on, such as /usr/lib/postgresql/17/bin, instead of those of npm"
      ),
      Flag.withDefault("")
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("File for the results as JSON"),
      Flag.withDefault("bench-peers.json")
    )
  },
  Effect.fnUntraced(
    function* ({ only, out, rounds, seconds }) {
      const files = yield* FileSystem.FileSystem
      const named = (workloads: ReadonlyArray<Workload.Workload>) =>
        workloads.filter(({ name }) => name.includes(only))
      yield* Console.error("Starting the server")
      const { url } = yield* PostgresServer.PostgresServer
      const sql = yield* PgClient.make({ url, maxConnections: 1 })
      const { bulk, contenders, pgbenchVersion } = yield* Contenders.openAll
      const environment = {
        at: DateTime.formatIso(yield* DateTime.now),
        commit: yield* Environment.commit,
        machine: yield* Environment.machine,
        versions: { ...(yield* Environment.versions), pgbench: pgbenchVersion ?? "not there" },
        server: yield* Environment.build(sql),
        settings: yield* Environment.settings(sql),
        connections: CONNECTIONS,
        slowCommit: `commit_delay = ${SlowCommit.MILLIS * 1_000}, commit_siblings = 0`,
        rounds,
        seconds
      }

      yield* Console.log(`${Report.environment(environment)}\n`)

      const run = Effect.fnUntraced(function* (
        all: ReadonlyArray<Workload.Workload>,
        of: ReadonlyArray<Rounds.Entrant>
      ) {
        const outcomes = yield* Rounds.run(named(all), of, {
          rounds,
          seconds,
          slowly: (effect) => SlowCommit.during(sql, effect)
        })
        if (outcomes.length > 0) yield* Console.log(`${Report.figures(outcomes)}\n`)
        return outcomes
      })
      const onServer = yield* run(workloads, Contenders.entrants(contenders))
      const peers = [Pgbench.name, Emmett.name, Castore.name, Pg.name, SqlPg.name]
      yield* Console.log(`${Report.ratios(onServer, Daybook.name, peers)}\n`)
      const ofBulk = yield* run(Workload.ofBulk, Contenders.entrants([bulk]))
      const inProcess = yield* Contenders.openInProcess
      const ofProcess = yield* run(Workload.inProcess, inProcess.entrants)
      for (const contender of [...contenders, bulk, ...inProcess.contenders]) {
        yield* Console.error(`Looking at what ${contender.name} stored`)
        yield* contender.check
      }
      const results = [...onServer, ...ofBulk, ...ofProcess].map(Report.entry)
      yield* files.writeFileString(out, `${JSON.stringify({ ...environment, results }, null, 2)}\n`)
      yield* Console.error(`Written to ${out}`)
    },
    Effect.scoped,
    (run, { server }) =>
      Effect.provide(run, PostgresServer.PostgresServer.layerOf(server === "" ? undefined : server))
  )
).pipe(
  Command.withDescription(
    "Measures Daybook, other event stores, hand-written SQL and pgbench on one server, in one run."
  )
)

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide([
    NodeServices.layer,
    Reactivity.layer,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
  ]),
  NodeRuntime.runMain
)
