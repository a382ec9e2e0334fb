/**
 * Notices a command handler that appends past an event store which is wrapped; for authors of
 * stores that wrap another one.
 *
 * A wrapper that does its work in the append misses what is appended to the store beneath it, and
 * nothing there fails. Both sides report here, in either order.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { EventStore } from "../EventStore.ts"

interface Known {
  /** The wrappers, by the names that they gave. */
  readonly wrappers: Set<string>
  isHandled: boolean
}

const known = new WeakMap<EventStore["Service"], Known>()

const knownOf = (store: EventStore["Service"]): Known => {
  let found = known.get(store)
  if (found === undefined) {
    found = { wrappers: new Set(), isHandled: false }
    known.set(store, found)
  }
  return found
}

const warn = (wrappers: Iterable<string>): Effect.Effect<void> =>
  Effect.logWarning(
    `A command handler appends past ${Array.from(wrappers).join(", ")}: build it on the event store in front`
  )

/**
 * Reports that `store` is wrapped by what `wrapper` names, such as `the inline read models a, b`.
 * Logs a warning if a command handler was built on `store`.
 *
 * @category operations
 * @since 0.1.0
 */
export const wrapped = (store: EventStore["Service"], wrapper: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { isHandled, wrappers } = knownOf(store)
    wrappers.add(wrapper)
    return isHandled ? warn([wrapper]) : Effect.void
  })

/**
 * Reports that a command handler is built on `store`. Logs a warning if `store` is wrapped.
 *
 * @category operations
 * @since 0.1.0
 */
export const handled = (store: EventStore["Service"]): Effect.Effect<void> =>
  Effect.suspend(() => {
    const found = knownOf(store)
    found.isHandled = true
    return found.wrappers.size > 0 ? warn(found.wrappers) : Effect.void
  })
