/**
 * A limit on the time that a store works on something, not counting earlier waits.
 */
import { TimeoutError } from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { UncountedWait } from "../../SnapshotStore.ts"

/**
 * Fails when `effect` takes longer than `limit`, not counting the waits that it passes to
 * {@link UncountedWait}.
 */
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
    return yield* orGiveUp(Effect.provideService(effect, UncountedWait, uncounted), end)
  })

/**
 * Runs `effect` until `end` fails, and then does not wait for the interruption of `effect`.
 *
 * Interrupting a query means asking the server to cancel it, which takes seconds where the server
 * hangs. An interruption from outside is still waited for.
 */
export const orGiveUp = <A, E, R, E2, R2>(
  effect: Effect.Effect<A, E, R>,
  end: Effect.Effect<never, E2, R2>
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(restore(effect), { startImmediately: true }), (fiber) =>
      restore(Effect.raceFirst(Fiber.join(fiber), end)).pipe(
        Effect.onInterrupt(() => Fiber.interrupt(fiber)),
        Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
      )
    )
  )
