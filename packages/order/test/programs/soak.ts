/**
 * Runs two hosts of orders and a standby on a server of their own for `--minutes`, and names
 * figures that grow and followers that fall behind.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { parseArgs } from "node:util"
import { report, wrong } from "../soak/report.ts"
import { soak } from "../soak/soak.ts"

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
process.stdout.write(`${report(exit.value).join("\n")}\n`)
process.exit(wrong(exit.value).length === 0 ? 0 : 1)
