/**
 * Lets the contenders take turns in each round of a workload, so that a busy moment of the machine
 * affects all of them, and takes the medians of the rounds.
 */
import * as Sample from "@daybook/benchmarks/Sample"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Contender } from "./Contender.ts"
import type { Round } from "./Drive.ts"
import type { RowsDiffer } from "./Rows.ts"
import type { Prepared, Workload } from "./Workload.ts"

/** A contender by name. */
export interface Entrant {
  readonly name: string
  readonly open: Effect.Effect<Contender, never, Scope.Scope>
  /** Opens the contender for each round, and checks it after the round. */
  readonly fresh?: boolean
}

/** The result of a contender in a workload. */
export interface Outcome {
  readonly workload: Workload
  readonly contender: string
  /** Absent when the contender does not offer the workload. */
  readonly figures?: Figures
}

/** The medians of the rounds. */
interface Figures extends Sample.Sample {
  readonly rounds: ReadonlyArray<number>
  /** The number of events missed in all rounds. */
  readonly missed?: number
}

/** The settings of a run. */
export interface Options {
  readonly rounds: number
  /** The time for each contender in each round. */
  readonly seconds: number
  /** Runs a workload whose commits are slow. */
  readonly slowly: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

const WARM_UP_SECONDS = 0.2

/** Runs the workloads one after the other. */
export const run = Effect.fnUntraced(function* (
  workloads: ReadonlyArray<Workload>,
  entrants: ReadonlyArray<Entrant>,
  options: Options
) {
  const outcomes: Array<Outcome> = []
  for (const workload of workloads) {
    yield* Console.error(`${workload.name}, ${workload.concurrency} at a time`)
    const taking = runOne(workload, entrants, options)
    outcomes.push(...(yield* workload.slow ? options.slowly(taking) : taking))
  }
  return outcomes
})

const runOne = Effect.fnUntraced(function* (
  workload: Workload,
  entrants: ReadonlyArray<Entrant>,
  options: Options
) {
  const all = new Map<string, Array<Round>>()
  const prepared = new Map<Contender, Prepared | undefined>()
  const prepare = Effect.fnUntraced(function* (contender: Contender) {
    if ((contender.mostAtATime ?? Infinity) < workload.concurrency) return
    if (!prepared.has(contender)) prepared.set(contender, yield* workload.prepare(contender))
    return prepared.get(contender)
  })
  for (let round = 0; round <= options.rounds; round++) {
    const isWarmUp = round === 0
    for (const { fresh = false, name, open } of entrants) {
      const taken = yield* Effect.scoped(
        Effect.flatMap(open, (contender) =>
          take(workload, contender, prepare, fresh, (limited) =>
            isWarmUp && !limited ? WARM_UP_SECONDS : options.seconds
          )
        )
      )
      if (taken !== undefined && !isWarmUp) all.set(name, [...(all.get(name) ?? []), taken])
    }
  }
  return entrants.map(({ name }): Outcome => {
    const rounds = all.get(name)
    if (rounds === undefined) return { workload, contender: name }
    const missed = rounds.reduce((sum, round) => sum + (round.missed ?? 0), 0)
    const perSecond = rounds.map((round) => round.perSecond)
    const figures: Figures = { ...Sample.medians(rounds), rounds: perSecond }
    return {
      workload,
      contender: name,
      figures: workload.latency ? { ...figures, missed } : figures
    }
  })
})

const take = (
  workload: Workload,
  contender: Contender,
  prepare: (contender: Contender) => Effect.Effect<Prepared | undefined>,
  check: boolean,
  // A limited workload warms up in full, so that a cache has every order after the warm-up.
  seconds: (limited: boolean) => number
): Effect.Effect<Round | undefined, RowsDiffer> =>
  Effect.gen(function* () {
    const prepared = yield* prepare(contender)
    if (prepared === undefined) return
    const { limit } = prepared
    const drive = yield* prepared.drive
    const { concurrency } = workload
    const round = yield* drive({
      concurrency,
      seconds: seconds(limit !== undefined),
      ...(limit === undefined ? {} : { limit })
    })
    if (check) yield* contender.check
    return round
  })
