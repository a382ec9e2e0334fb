/**
 * Wakes the subscribers of one store in this process.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

export interface WakeUps {
  /** Opens the latch of every subscriber. */
  readonly wakeAllUnsafe: () => void
  /**
   * A latch per subscriber, to close before each poll: an append during the poll opens it again.
   */
  readonly join: Effect.Effect<Latch.Latch, never, Scope.Scope>
}

// A latch is a flag and not a queue, so the wake-ups that a slow subscriber misses merge into one.
export const make = (): WakeUps => {
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
    )
  }
}
