/**
 * Lets the contenders of a measure take turns in each round, so that a busy moment of the machine
 * affects all of them, and takes the medians of the rounds.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Contender, Opens } from "./Appender.ts"
import type { Measure } from "./Measure.ts"
import type { Unrated } from "./Report.ts"
import * as Sample from "./Sample.ts"

/** The settings of a run. */
export interface Options {
  readonly rounds: number
  /** The time for each contender in each round. */
  readonly seconds: number
}

const WARM_UP_SECONDS = 0.2

/** Runs the measures one after the other. */
export const runAll = Effect.fnUntraced(function* <A extends Contender>(
  measures: ReadonlyArray<Measure<A>>,
  opens: Opens<A>,
  options: Options
) {
  const results: Array<Unrated<A>> = []
  for (const [index, measure] of measures.entries()) {
    const progress = `${index + 1}/${measures.length}`
    yield* Console.error(`${progress} ${measure.name}, ${measure.concurrency} at a time`)
    results.push(...(yield* run(measure, opens, options)))
  }
  return results
})

const run = Effect.fnUntraced(function* <A extends Contender>(
  measure: Measure<A>,
  opens: Opens<A>,
  options: Options
) {
  const samples = new Map<string, { subject: A; rounds: Array<Sample.Sample> }>()
  for (let round = 0; round <= options.rounds; round++) {
    const isWarmUp = round === 0
    for (const [name, open] of opens) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const subject = yield* open
          const prefix = `${measure.name}-${measure.concurrency}-${round}`
          const begun = yield* measure.begin(subject, prefix)
          const time = isWarmUp ? WARM_UP_SECONDS : options.seconds
          const sample =
            "sample" in begun
              ? yield* begun.sample(time)
              : yield* Sample.take(begun.act, {
                  concurrency: measure.concurrency,
                  seconds: time,
                  ...(begun.limit === undefined ? {} : { limit: begun.limit })
                })
          const rounds = samples.get(name)?.rounds ?? []
          samples.set(name, { subject, rounds: isWarmUp ? [] : [...rounds, sample] })
        })
      )
    }
  }
  return Array.from(samples.values(), ({ rounds, subject }) => ({
    measure,
    subject,
    rounds,
    medians: Sample.medians(rounds)
  }))
})
