/**
 * A shutdown under load: what clients of the shop were told is recorded, and it ends in order.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Redacted from "effect/Redacted"
import * as Load from "./Load.ts"
import * as Target from "./Target.ts"

/** The number of answers after which the signal is sent. */
const ANSWERS = 2_000

/** The outcome of a shutdown under load. */
interface Outcome {
  readonly exitStatus: number
  readonly acknowledged: number
  /** Orders that have fewer events than a client was told, after the shop started again. */
  readonly lost: number
}

/** Ends the shop by SIGTERM in the middle of a load, starts it again, and asks for every order. */
export const run = (
  database: Redacted.Redacted<string>,
  connections: number
): Effect.Effect<Outcome, Error, ChildProcessSpawner> =>
  Effect.gen(function* () {
    const acknowledged: Load.Acknowledged = new Map()
    const exitStatus = yield* Effect.scoped(
      Effect.gen(function* () {
        const { process, url } = yield* Target.start(Target.shop, database)
        const enough = yield* Deferred.make<void>()
        const onAnswer = (answers: number) => {
          if (answers === ANSWERS) Deferred.doneUnsafe(enough, Effect.void)
        }
        const load = yield* Effect.forkChild(
          Load.run({ url, connections, seconds: 600, onAnswer, acknowledged })
        )
        const ended = Effect.orDie(process.exitCode)
        yield* Effect.raceAllFirst([Deferred.await(enough), ended, Fiber.join(load)])
        // A shop that ended by itself is reported by its status.
        yield* Effect.ignore(process.kill())
        const status = yield* ended
        yield* Fiber.interrupt(load)
        return status
      })
    )
    const lost = yield* Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* Target.start(Target.shop, database)
        const isKept = ([id, revision]: readonly [string, number]) =>
          Effect.map(revisionOf(url, id), (present) => present >= revision)
        const kept = yield* Effect.forEach(acknowledged, isKept, { concurrency: connections })
        return kept.filter((one) => !one).length
      })
    )
    const outcome: Outcome = {
      exitStatus,
      acknowledged: [...acknowledged.values()].reduce((sum, revision) => sum + revision, 0),
      lost
    }
    return outcome
  })

const revisionOf = (url: string, id: string) =>
  Effect.promise(async (signal) => {
    const response = await fetch(`${url}/orders/${id}`, { signal })
    if (response.status !== 200) return 0
    return ((await response.json()) as { readonly revision: number }).revision
  })
