/**
 * Takes part in a group through its failures.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000

/**
 * Begins a run again after a failure, which is logged. Pauses double, and are short again after a
 * run that was longer than the longest pause.
 *
 * @param subject The beginning of the log message, such as `Group orders`.
 */
export const forever = Effect.fnUntraced(function* <E, R>(
  subject: string,
  run: Effect.Effect<never, E, R>
): Effect.fn.Return<never, never, R> {
  const once = Effect.flip(Effect.sandbox(run))
  let pause = FIRST_PAUSE
  while (true) {
    const begun = yield* Clock.monotonicTimeNanos
    const cause = yield* once
    if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
    const nanos = (yield* Clock.monotonicTimeNanos) - begun
    if (nanos > BigInt(LONGEST_PAUSE) * 1_000_000n) pause = FIRST_PAUSE
    yield* Effect.logError(`${subject} begins again after a pause`, cause)
    yield* Effect.sleep(pause)
    pause = Math.min(pause * 2, LONGEST_PAUSE)
  }
})
