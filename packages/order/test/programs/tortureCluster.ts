/**
 * Attacks a cluster of three servers, and the hosts of its log, for a number of seconds: half of
 * the time with a quorum, half with asynchronous standbys. Prints a table whose numbers must be 0.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Attacks from "../torture/cluster/attacks.ts"
import { type Outcome, torture } from "../torture/cluster/torture.ts"

const run = Effect.fnUntraced(function* (
  quorum: 0 | 1,
  kinds: ReadonlyArray<Attacks.Kind>,
  seconds: number
) {
  let end: number | undefined
  let count = 0
  const next = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    // Servers and hosts take time to start.
    end ??= now + seconds * 1_000
    return now >= end ? Option.none() : Option.fromUndefinedOr(kinds[count++ % kinds.length])
  })
  return yield* Effect.scoped(torture(quorum, next))
})

const print = (name: string, outcome: Outcome) => {
  const { acknowledged, attacks, events, failovers, failures, lost, messages, noticed } = outcome
  const lines = [
    `${name}: ${acknowledged} commands acknowledged, ${lost} of them lost; ${events} events; ${failovers} failovers; ${noticed} times that a consumer told of another history`,
    ...Array.from(
      attacks,
      ([kind, count]) => `  ${String(count).padStart(5)}  ${Attacks.kinds[kind]}`
    ),
    ...Object.entries(failures).map(([what, count]) => `${what}: ${count}`),
    ...messages.slice(0, 20)
  ]
  process.stdout.write(`${lines.join("\n")}\n`)
}

/** Returns the exit status. */
export const tortureCluster = async (seconds: number): Promise<number> => {
  const exit = await Effect.runPromiseExit(
    Effect.gen(function* () {
      const kept = yield* run(1, Attacks.keeping, seconds / 2)
      print("quorum", kept)
      const losing = yield* run(0, Attacks.losing, seconds / 2)
      print("asynchronous", losing)
      return [kept, losing]
    }).pipe(Effect.provide(Logger.layer([])))
  )
  if (Exit.isFailure(exit)) {
    process.stdout.write(`${Cause.pretty(exit.cause)}\n`)
    return 1
  }
  const isRight = exit.value.every(({ failures }) =>
    Object.values(failures).every((count) => count === 0)
  )
  return isRight ? 0 : 1
}
