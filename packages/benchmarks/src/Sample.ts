/**
 * Repeats an act for a while, and times each.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The result of one round. */
export interface Sample {
  readonly perSecond: number
  readonly p50Micros: number
  readonly p99Micros: number
}

/** Repeats `act` on `concurrency` fibers for `seconds`, or `limit` times. */
export const take = Effect.fnUntraced(function* (
  act: (n: number) => Effect.Effect<unknown>,
  options: { readonly concurrency: number; readonly seconds: number; readonly limit?: number }
) {
  const { limit = Infinity } = options
  const latencies: Array<bigint> = []
  const start = yield* Clock.currentTimeNanos
  const end = start + BigInt(Math.round(options.seconds * 1e9))
  let next = 0
  const worker = Effect.gen(function* () {
    let before = yield* Clock.currentTimeNanos
    while (before < end && next < limit) {
      yield* act(next++)
      const after = yield* Clock.currentTimeNanos
      latencies.push(after - before)
      before = after
    }
  })
  yield* Effect.replicateEffect(worker, options.concurrency, {
    concurrency: "unbounded",
    discard: true
  })
  const elapsed = (yield* Clock.currentTimeNanos) - start
  return summary(latencies, elapsed)
})

/** Summarizes the nanoseconds of each act and of the whole round. */
export const summary = (latencies: ReadonlyArray<bigint>, elapsed: bigint): Sample => {
  const micros = latencies.map((nanos) => Number(nanos) / 1e3).toSorted((a, b) => a - b)
  return {
    perSecond: latencies.length / (Number(elapsed) / 1e9),
    p50Micros: quantile(micros, 0.5),
    p99Micros: quantile(micros, 0.99)
  }
}

/** Returns the medians of the rounds. */
export const medians = (rounds: ReadonlyArray<Sample>): Sample => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  p50Micros: median(rounds.map(({ p50Micros }) => p50Micros)),
  p99Micros: median(rounds.map(({ p99Micros }) => p99Micros))
})

/** Returns the middle value, or the mean of the two middle ones; NaN of none. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low = NaN, high = NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return (low + high) / 2
}

/**
 * Returns the least value that the share `q` of `sorted` does not exceed; NaN if `sorted` is empty.
 */
const quantile = (sorted: ReadonlyArray<number>, q: number): number =>
  sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
