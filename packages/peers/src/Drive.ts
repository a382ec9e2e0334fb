/**
 * How a contender is made to do one thing over and over: by fibers, or by promises, each as its own
 * users would, so that nobody pays for the runtime of somebody else.
 */
import * as Sample from "@daybook/benchmarks/Sample"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** How much is done, and how many at a time. */
interface Options {
  readonly concurrency: number
  readonly seconds: number
  /** At most so many times. */
  readonly limit?: number
}

/** What came out; `missed`: events that were committed and that a subscriber never saw. */
export interface Round extends Sample.Sample {
  readonly missed?: number
}

/** Does it for a while, and tells how fast. */
export type Drive = (options: Options) => Effect.Effect<Round>

/** `concurrency` fibers, each doing one after the other. */
export const fibers =
  (act: (n: number) => Effect.Effect<unknown>): Drive =>
  (options) =>
    Sample.take(act, options)

/** `concurrency` chains of promises, each doing one after the other. */
export const promises = (act: (n: number) => Promise<unknown>): Drive =>
  Effect.fnUntraced(function* ({ concurrency, limit = Infinity, seconds }) {
    const clock = yield* Clock.Clock
    const latencies: Array<bigint> = []
    const start = clock.currentTimeNanosUnsafe()
    const end = start + BigInt(Math.round(seconds * 1e9))
    let next = 0
    // Not in Effect: what is measured are promises as the users of these libraries write them.
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
