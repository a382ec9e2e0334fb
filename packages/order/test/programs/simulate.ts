/**
 * Simulates orders on hosts that die: `--seed` of the first history, `--histories` to run. The
 * printed `--schedule` and `--faults` repeat a history that failed.
 */
import * as Fault from "@daybook/testing/simulation/Fault"
import * as Simulation from "@daybook/testing/simulation/Simulation"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { orders } from "../orderSimulation.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    histories: { type: "string", default: "100" },
    nightly: { type: "boolean", default: false },
    schedule: { type: "string" },
    faults: { type: "string" }
  }
})

const whole = (name: string, text: string): number => {
  if (!/^\d{1,9}$/.test(text)) {
    process.stderr.write(`--${name} is ${text}, allowed is a whole number\n`)
    process.exit(2)
  }
  return Number(text)
}

const seed = whole("seed", values.seed)
const histories = values.nightly ? 10_000 : whole("histories", values.histories)

const listed = <K extends string | number>(counts: ReadonlyMap<K, number>) =>
  Array.from(counts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, count]) => `  ${String(count).padStart(9)}  ${key}`)
    .join("\n")

const replay = Effect.gen(function* () {
  const { faults, schedule } = values
  const history = yield* Simulation.run(orders, {
    seed,
    schedule: schedule === undefined ? undefined : whole("schedule", schedule),
    faults:
      faults === undefined
        ? undefined
        : Schema.decodeUnknownSync(Schema.Array(Fault.Fault))(
            faults === "none" ? [] : faults.split(",")
          )
  })
  process.stdout.write(
    `seed ${seed}: ${history.commands} commands, ${history.events} events, ${history.faults.length} faults, ` +
      `${history.steps} steps, digest ${history.digest.toString(16)}\n${history.faults.join(" ")}\n`
  )
  for (const { invariant, message } of history.violations) {
    process.stdout.write(`invariant ${invariant}: ${message}\n`)
  }
  return history.violations.length === 0
})

const simulate = Effect.gen(function* () {
  process.stdout.write(`seeds ${seed} to ${seed + histories - 1}\n`)
  const began = yield* Clock.currentTimeMillis
  const summary = yield* Simulation.check(orders, { seed, histories })
  const seconds = ((yield* Clock.currentTimeMillis) - began) / 1_000
  process.stdout.write(
    `${summary.histories} histories, ${summary.commands} commands, ${summary.events} events\n` +
      `faults:\n${listed(summary.faults)}\n` +
      `compared, by invariant:\n${listed(summary.checks)}\n` +
      `${(histories / seconds).toFixed(1)} histories a second\n`
  )
  return true
})

const exit = await Effect.runPromiseExit(
  values.faults === undefined && values.schedule === undefined ? simulate : replay
)
if (Exit.isFailure(exit)) {
  const failure = Cause.squash(exit.cause)
  const text =
    failure instanceof Simulation.HistoryFailed
      ? failure.message.replace("Replay:", "Replay: pnpm simulate")
      : Cause.pretty(exit.cause)
  process.stdout.write(`${text}\n`)
}
process.exitCode = Exit.isSuccess(exit) && exit.value ? 0 : 1
