/**
 * What waits in a process for something to change there.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export interface Changes {
  /** Ends the waits that have begun. */
  readonly tellUnsafe: () => void
  /** What ends at the next change. */
  readonly nextUnsafe: () => Deferred.Deferred<void>
  /**
   * Looks until it finds something; again whenever something changed, and each `pollInterval`, since other processes
   * tell nothing.
   */
  readonly until: <A, E, R>(
    look: Effect.Effect<A | undefined, E, R>,
    pollInterval: Duration.Duration
  ) => Effect.Effect<A, E, R>
}

export const make = (): Changes => {
  let next = Deferred.makeUnsafe<void>()
  return {
    tellUnsafe: () => {
      const told = next
      next = Deferred.makeUnsafe()
      Deferred.doneUnsafe(told, Exit.void)
    },
    nextUnsafe: () => next,
    until: Effect.fnUntraced(function* (look, pollInterval) {
      for (;;) {
        // Taken before the look: what changes during the look ends the wait after it.
        const change = next
        const found = yield* look
        if (found !== undefined) return found
        yield* Effect.timeoutOption(Deferred.await(change), pollInterval)
      }
    })
  }
}
