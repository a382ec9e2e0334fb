/**
 * The loop of a read model: repeats its work for ever, also after failures.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Loop } from "./loopErrors.ts"
import * as Metrics from "./metrics.ts"
import type { Runner } from "./runner.ts"

// Short at first, since most outages are short, and a second in the end: once one of the loops
// notices that the store is back, the others go on at once.
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 1_000

/**
 * Runs `once` for ever: again at once while it finds something to do, else after a change. Failures
 * and defects are recorded and retried: a fiber that died would silently maintain nothing.
 */
export const forever = <E>(
  { changes, errors }: Runner,
  name: Projection.Name,
  loop: Loop,
  once: Effect.Effect<boolean, E>
): Effect.Effect<never> =>
  Effect.gen(function* () {
    let failures = 0
    const tried = Effect.flatMap(once, (worked) => {
      failures = 0
      const found: Option.Option<never> | undefined = worked ? Option.none() : undefined
      return Effect.as(errors.answered(name, loop), found)
    })
    for (;;) {
      const exit = yield* Effect.exit(changes.until(name, "state", tried))
      if (Exit.isSuccess(exit)) {
        yield* errors.wentOn(name, loop)
        continue
      }
      if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
      yield* Metric.update(Metric.withAttributes(Metrics.retries, { projection: name, loop }), 1)
      yield* errors.failed(name, loop, exit.cause)
      const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(failures++, 16), LONGEST_PAUSE)
      // Jitter, so that the loops do not all retry at the same moment.
      const jittered = pause * (0.8 + 0.4 * (yield* Random.next))
      yield* Effect.raceFirst(Effect.sleep(Duration.millis(jittered)), errors.back)
    }
  })
