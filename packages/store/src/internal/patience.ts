/**
 * A limit on the time that a store works on something, which leaves out what it waits for before.
 */
import { TimeoutError } from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { UncountedWait } from "../SnapshotStore.ts"

/** Fails when `effect` takes longer than `limit`, not counting what it passes to {@link UncountedWait}. */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit: Duration.Duration
): Effect.Effect<A, E | TimeoutError, R> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const working = yield* Latch.make(true)
    let waits = 0
    let since = clock.currentTimeMillisUnsafe()
    const uncounted: UncountedWait = (wait) =>
      Effect.suspend(() => {
        waits++
        working.closeUnsafe()
        return Effect.ensuring(
          wait,
          Effect.sync(() => {
            if (--waits > 0) return
            since = clock.currentTimeMillisUnsafe()
            working.openUnsafe()
          })
        )
      })
    const end = Effect.gen(function* () {
      while (true) {
        yield* working.await
        const left = since + Duration.toMillis(limit) - clock.currentTimeMillisUnsafe()
        if (left <= 0) {
          return yield* new TimeoutError(`no answer in ${Duration.format(limit)}`)
        }
        yield* Effect.sleep(Duration.millis(left))
      }
    })
    return yield* Effect.raceFirst(Effect.provideService(effect, UncountedWait, uncounted), end)
  })
