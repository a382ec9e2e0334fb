/**
 * Attacks hosts of the shop with reactors, processes and publishers, a server and two brokers of
 * its own for `--seconds`, and compares the results with the commands and the log. With `--log` the
 * hosts write their logs to standard error. `scripts/with-brokers.ts` runs it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { parseArgs } from "node:util"
import * as Attacks from "../torture/reacting/attacks.ts"
import { report } from "../torture/reacting/report.ts"
import { torture } from "../torture/reacting/torture.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    log: { type: "boolean", default: false }
  }
})
if (!/^\d{1,5}$/.test(values.seconds)) {
  process.stderr.write(`--seconds is ${values.seconds}, allowed is a whole number\n`)
  process.exit(2)
}
const seconds = Number(values.seconds)

const program = Effect.gen(function* () {
  let begun = yield* Clock.currentTimeMillis
  let count = 0
  const attacks = Effect.gen(function* () {
    // Hosts and brokers take time to start.
    if (count === 0) begun = yield* Clock.currentTimeMillis
    yield* Effect.sleep(Duration.millis(500 + (yield* Random.next) * 2_500))
    if ((yield* Clock.currentTimeMillis) >= begun + seconds * 1_000) return Option.none()
    return Option.fromUndefinedOr(Attacks.all[count++ % Attacks.all.length])
  })
  return yield* torture(() => attacks, { isLogged: values.log })
}).pipe(Effect.scoped)

const exit = await Effect.runPromiseExit(program)
if (Exit.isFailure(exit)) {
  process.stdout.write(`${Cause.pretty(exit.cause)}\n`)
  process.exit(1)
}
const { isClean, lines } = report(exit.value)
process.stdout.write(`${lines.join("\n")}\n`)
process.exit(isClean ? 0 : 1)
