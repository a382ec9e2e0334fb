/**
 * Attacks hosts of orders, their connections and a server of its own for `--seconds`, and compares
 * the results with the commands. With `--hostile`, users with fewer rights than a host attack it
 * meanwhile by their own means, and fewer kinds of other attacks are made. With `--cluster`, hosts
 * and the servers of a replicated cluster are attacked instead.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { parseArgs } from "node:util"
import * as Attacks from "../torture/attacks.ts"
import { failures, torture } from "../torture/torture.ts"
import { tortureCluster } from "./tortureCluster.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    hostile: { type: "boolean", default: false },
    cluster: { type: "boolean", default: false }
  }
})
if (!/^\d{1,5}$/.test(values.seconds)) {
  process.stderr.write(`--seconds is ${values.seconds}, allowed is a whole number\n`)
  process.exit(2)
}
const seconds = Number(values.seconds)
const { hostile } = values
if (values.cluster) process.exit(await tortureCluster(seconds))
const kinds = hostile ? Attacks.besideHostiles : Attacks.all

const program = Effect.gen(function* () {
  let begun = yield* Clock.currentTimeMillis
  let count = 0
  const attacks = Effect.fnUntraced(function* (answered: () => number) {
    // Hosts and users take time to start.
    if (count === 0) begun = yield* Clock.currentTimeMillis
    const end = begun + seconds * 1_000
    yield* Effect.sleep(Duration.millis(200 + (yield* Random.next) * 1_300))
    if (hostile) {
      // Hosts must continue to work, whatever others do.
      const before = answered()
      yield* Effect.repeat(Effect.sync(answered), {
        until: (now) => now >= before + 10,
        schedule: Schedule.spaced("20 millis")
      })
    }
    if ((yield* Clock.currentTimeMillis) >= end) return Option.none()
    // Each kind once per round.
    return Option.fromUndefinedOr(kinds[count++ % kinds.length])
  })
  return yield* torture(attacks, { hostile })
}).pipe(Effect.scoped)

const exit = await Effect.runPromiseExit(program)
if (Exit.isFailure(exit)) {
  process.stdout.write(`${Cause.pretty(exit.cause)}\n`)
  process.exit(1)
}
const {
  acknowledged,
  attacks,
  audit,
  commands,
  doubtful,
  events,
  hostile: hostiles,
  rows
} = exit.value
const lines = [
  `${commands} commands, ${acknowledged} accepted, ${doubtful} sent again without an answer; ${events} events, ${rows} rows compared`,
  "attacks:",
  ...Array.from(
    attacks,
    ([kind, count]) => `  ${String(count).padStart(5)}  ${Attacks.kinds[kind]}`
  ),
  ...(hostile ? ["what others did, refused and done:"] : []),
  ...Array.from(hostiles)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, { done, refused }]) =>
        `  ${String(refused).padStart(5)} ${String(done).padStart(5)}  ${name}`
    ),
  "compared, by invariant:",
  ...Array.from(audit.checks)
    .toSorted(([a], [b]) => a - b)
    .map(([invariant, count]) => `  ${String(count).padStart(9)}  ${invariant}`),
  ...Object.entries(failures(exit.value)).map(([what, count]) => `${what}: ${count}`),
  ...audit.violations.slice(0, 20).map(({ invariant, message }) => `${invariant}: ${message}`)
]
process.stdout.write(`${lines.join("\n")}\n`)
process.exit(audit.violations.length === 0 ? 0 : 1)
