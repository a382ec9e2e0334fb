/**
 * Notifies the waiting fibers of a process of changes of read models: at once of those that were
 * made in it, and at intervals of those that other processes may have made.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/**
 * A kind of change. `step`: the rows hold more of the log. `state`: a claim ended, or a read model
 * stopped, was paused, resumed or switched. Fibers that wait for steps are also woken by others.
 */
type Change = "step" | "state"

export interface ChangeSignal {
  /** Ends the waits for a change of a read model that have begun; to be called after it. */
  readonly notifyUnsafe: (name: Projection.Name, change: Change) => void
  /**
   * Ends all waits. One timer calls it for the whole process, so that all fibers look at the same
   * time, and one statement answers them.
   */
  readonly notifyAllUnsafe: () => void
  /** Interrupts all waits, later ones too: without a runner, changes are no longer noticed. */
  readonly closeUnsafe: () => void
  /** Returns a deferred that is done at the next change of a read model. */
  readonly nextUnsafe: (name: Projection.Name, change: Change) => Deferred.Deferred<void>
  /** Runs `look` until it finds something: again after each change. */
  readonly until: <A, E, R>(
    name: Projection.Name,
    change: Change,
    look: Effect.Effect<A | undefined, E, R>
  ) => Effect.Effect<A, E, R>
}

export const make = (): ChangeSignal => {
  const waits = {
    step: new Map<Projection.Name, Deferred.Deferred<void>>(),
    state: new Map<Projection.Name, Deferred.Deferred<void>>()
  }
  let isClosed = false
  const end = (change: Change, name: Projection.Name) => {
    const wait = waits[change].get(name)
    if (wait === undefined) return
    waits[change].delete(name)
    Deferred.doneUnsafe(wait, isClosed ? Exit.interrupt() : Exit.void)
  }
  const nextUnsafe = (name: Projection.Name, change: Change) => {
    const wait = waits[change].get(name) ?? Deferred.makeUnsafe<void>()
    waits[change].set(name, wait)
    if (isClosed) end(change, name)
    return wait
  }
  const notifyAllUnsafe = () => {
    for (const change of ["step", "state"] as const) {
      for (const name of Array.from(waits[change].keys())) end(change, name)
    }
  }
  return {
    notifyUnsafe: (name, change) => {
      end("step", name)
      if (change === "state") end("state", name)
    },
    notifyAllUnsafe,
    closeUnsafe: () => {
      isClosed = true
      notifyAllUnsafe()
    },
    nextUnsafe,
    until: Effect.fnUntraced(function* (name, change, look) {
      for (;;) {
        // Taken before the look: a change during the look ends the wait after it.
        const changed = nextUnsafe(name, change)
        const found = yield* look
        if (found !== undefined) return found
        yield* Deferred.await(changed)
      }
    })
  }
}
