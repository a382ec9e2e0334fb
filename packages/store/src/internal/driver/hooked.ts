/**
 * The appends of a store with the work of a hook, found by the service that was made of its driver:
 * a service that wraps it does more in its own `append`.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AppendHook, EventStoreDriver } from "../../driver/EventStoreDriver.ts"
import type { EventStore } from "../../EventStore.ts"
import * as Appending from "./appending.ts"

type Append = EventStore["Service"]["append"]

type Hooked = <Prepared>(hook: AppendHook<Prepared>) => Effect.Effect<Append, never, Scope.Scope>

/** The append would commit even if the caller's transaction were rolled back. */
const INSIDE = "cannot append with a hook: the caller has a transaction open"

const known = new WeakMap<EventStore["Service"], Hooked>()

export const register = <E>(service: EventStore["Service"], driver: EventStoreDriver<E>): void => {
  const { appendWith, inTransaction = Effect.succeed(false) } = driver
  if (appendWith === undefined) return
  known.set(service, (hook) =>
    Effect.map(appendWith(hook), (append) => {
      const appendOne: typeof append = (one) =>
        Effect.flatMap(inTransaction, (isInside) =>
          isInside ? Effect.die(new Error(INSIDE)) : append(one)
        )
      return Appending.make({ ...driver, appendOne }).append
    })
  )
}

/** Makes the `append` of a store with a hook; undefined if the store can't run one. */
export const make = <Prepared>(
  service: EventStore["Service"],
  hook: AppendHook<Prepared>
): Effect.Effect<Append | undefined, never, Scope.Scope> =>
  known.get(service)?.(hook) ?? Effect.succeed(undefined)
