/**
 * The means of authors of stores that wrap another event store: appends with work of the wrapper in
 * their transaction, and a warning of a command handler that appends past the wrapper.
 *
 * A wrapper that does its work in the append misses what is appended to the store beneath it, and
 * nothing there fails. Both sides report here, in either order.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EventStore } from "../EventStore.ts"
import * as Hooked from "../internal/driver/hooked.ts"
import type { AppendHook } from "./EventStoreDriver.ts"

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

/**
 * Makes the `append` of `store` with the work of a hook, for callers without a transaction: appends
 * that wait go together in one call, as in the store itself. Undefined if the store has no
 * transactions, or is not what `EventStoreService.make` returned.
 *
 * **Details**
 * An append inside the caller's transaction would commit apart from it, so it dies.
 *
 * @category constructors
 * @since 0.1.0
 */
export const appendWith = <Prepared>(
  store: EventStore["Service"],
  hook: AppendHook<Prepared>
): Effect.Effect<EventStore["Service"]["append"] | undefined, never, Scope.Scope> =>
  Hooked.make(store, hook)
