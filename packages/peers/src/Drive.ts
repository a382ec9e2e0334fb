/**
 * Drives a contender to repeat an act, on fibers or on promises: each as its own users would, so
 * that no contender pays for another's runtime.
 */
import * as Sample from "@daybook/benchmarks/Sample"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The amount and concurrency of the work. */
interface Options {
  readonly concurrency: number
  readonly seconds: number
  /** The most times to act. */
  readonly limit?: number
}

/** The result of a round. */
export interface Round extends Sample.Sample {
  /** The number of committed events that a subscriber never saw. */
  readonly missed?: number
}

/** Repeats an act for a while, and returns its speed. */
export type Drive = (options: Options) => Effect.Effect<Round>

/** Acts on `concurrency` fibers, each in sequence. */
export const fibers =
  (act: (n: number) => Effect.Effect<unknown>): Drive =>
  (options) =>
    Sample.take(act, options)

/** Acts on `concurrency` chains of promises, each in sequence. */
export const promises = (act: (n: number) => Promise<unknown>): Drive =>
  Effect.fnUntraced(function* ({ concurrency, limit = Infinity, seconds }) {
    const clock = yield* Clock.Clock
    const latencies: Array<bigint> = []
    const start = clock.currentTimeNanosUnsafe()
    const end = start + BigInt(Math.round(seconds * 1e9))
    let next = 0
    // Not in Effect: this measures promises as the users of these libraries write them.
    const worker = async () => {
      let before = clock.currentTimeNanosUnsafe()
      while (before < end && next < limit) {
        await act(next++)
        const after = clock.currentTimeNanosUnsafe()
        latencies.push(after - before)
        before = after
      }
    }
    yield* Effect.promise(() => Promise.all(Array.from({ length: concurrency }, worker)))
    return Sample.summary(latencies, clock.currentTimeNanosUnsafe() - start)
  })
