/**
 * Lets two hosts of orders and one that stands by work on a server of their own for `--minutes`, and names what grows.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { parseArgs } from "node:util"
import { soak } from "../soak/soak.ts"
import { grows, tell } from "../soak/trend.ts"

const { values } = parseArgs({ options: { minutes: { type: "string", default: "12" } } })
if (!/^[1-9]\d{0,3}$/.test(values.minutes)) {
  process.stderr.write(`--minutes is ${values.minutes}, allowed is a whole number, 1 or more\n`)
  process.exit(2)
}
const SAMPLES = 60
const every = Duration.millis((Number(values.minutes) * 60_000) / SAMPLES)

const program = soak({
  roles: ["first", "second", "standby"],
  samples: SAMPLES,
  every,
  onSample: (taken, commands) => {
    if (taken % 10 === 0) {
      process.stdout.write(`${taken} of ${SAMPLES} samples, ${commands} commands\n`)
    }
  }
}).pipe(Effect.scoped, Effect.provide(PostgresServer.PostgresServer.layer))

const exit = await Effect.runPromiseExit(program)
if (Exit.isFailure(exit)) {
  process.stdout.write(`${Cause.pretty(exit.cause)}\n`)
  process.exit(1)
}
const { commands, errors, events, given, series } = exit.value
const growing = series.filter(grows)
const report = [
  `${commands} commands, ${events} events, ${given} given to subscriptions`,
  ...series.map(tell),
  ...errors,
  growing.length === 0
    ? "nothing grows"
    : `what grows: ${growing.map(({ name }) => name).join("; ")}`
]
process.stdout.write(`${report.join("\n")}\n`)
process.exit(growing.length === 0 && errors.length === 0 ? 0 : 1)
