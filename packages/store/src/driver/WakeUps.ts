/**
 * Wakes the subscribers of one store in this process.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

/**
 * The wake-ups of subscribers that have read everything.
 *
 * @category types
 * @since 0.1.0
 */
export interface WakeUps {
  /**
   * Gives a subscriber its latch, which is opened whenever there may be more to read. The
   * subscriber closes it before each poll: an append during the poll opens it again.
   */
  readonly join: Effect.Effect<Latch.Latch, never, Scope.Scope>
  /**
   * Waits for the latch, at most for as long as appends may go unnoticed, as those of other
   * processes. `blockedPolls`: the number of polls in a row that an open append blocked.
   */
  readonly wait: (latch: Latch.Latch, blockedPolls: number) => Effect.Effect<void>
}

/**
 * The wake-ups of a store whose appends are all made through it.
 *
 * @category types
 * @since 0.1.0
 */
export interface InProcess extends WakeUps {
  /**
   * Opens the latch of every subscriber. Call it in the same step as a write becomes visible: after
   * that the caller may be interrupted.
   */
  readonly wakeAllUnsafe: () => void
}

/**
 * Makes wake-ups without subscribers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): InProcess => {
  // A latch is a flag and not a queue, so the wake-ups that a slow subscriber misses merge into
  // one.
  const latches = new Set<Latch.Latch>()
  return {
    wakeAllUnsafe: () => {
      for (const latch of latches) latch.openUnsafe()
    },
    join: Effect.acquireRelease(
      Effect.sync(() => {
        const latch = Latch.makeUnsafe()
        latches.add(latch)
        return latch
      }),
      (latch) => Effect.sync(() => latches.delete(latch))
    ),
    wait: (latch) => latch.await
  }
}
