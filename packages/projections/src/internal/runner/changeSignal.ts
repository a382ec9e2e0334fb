/**
 * Notifies the waiting fibers of a process of changes that were made in it.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export interface Changes {
  /** Ends the waits that have begun; to be called after a change. */
  readonly notifyUnsafe: () => void
  /** Returns a deferred that is done at the next change. */
  readonly nextUnsafe: () => Deferred.Deferred<void>
  /**
   * Runs `look` until it finds something: again after each change, and each `pollInterval`, since
   * other processes do not notify this one.
   */
  readonly until: <A, E, R>(
    look: Effect.Effect<A | undefined, E, R>,
    pollInterval: Duration.Duration
  ) => Effect.Effect<A, E, R>
}

export const make = (): Changes => {
  let next = Deferred.makeUnsafe<void>()
  return {
    notifyUnsafe: () => {
      const ended = next
      next = Deferred.makeUnsafe()
      Deferred.doneUnsafe(ended, Exit.void)
    },
    nextUnsafe: () => next,
    until: Effect.fnUntraced(function* (look, pollInterval) {
      for (;;) {
        // Taken before the look: a change during the look ends the wait after it.
        const change = next
        const found = yield* look
        if (found !== undefined) return found
        yield* Effect.timeoutOption(Deferred.await(change), pollInterval)
      }
    })
  }
}
