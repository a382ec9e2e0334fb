/**
 * The time that a known number of events takes, and the processor time of this process.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Turn } from "./Row.ts"

/** Runs `work`, which handles `count` events or messages. */
export const timed = Effect.fnUntraced(function* <E, R>(
  count: number,
  work: Effect.Effect<unknown, E, R>
) {
  const begun = yield* Clock.currentTimeNanos
  const before = process.cpuUsage()
  yield* work
  const { system, user } = process.cpuUsage(before)
  const nanos = (yield* Clock.currentTimeNanos) - begun
  return {
    perSecond: (count * 1e9) / Number(nanos),
    micros: (system + user) / count
  } satisfies Turn
})
