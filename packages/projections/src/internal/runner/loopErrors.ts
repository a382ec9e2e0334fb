/**
 * The errors of the loops of a host: the last error of each loop, until that loop goes on. They are
 * logged once when a store is lost, and once when it is back.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import { EventStoreError } from "@daybook/store/EventStore"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { ReadModelStoreError } from "../../ReadModelError.ts"
import { isOutage } from "./outage.ts"

/**
 * The loops of a read model on a host: one maintains the serving generation, one builds its
 * replacement, and a third exists while a rebuild was requested here.
 */
export type Loop = "serving" | "building" | "rebuilding"

/** The last error of a loop. */
interface LastError {
  readonly message: string
  readonly at: DateTime.Utc
}

interface Noted extends LastError {
  readonly error: unknown
  /** The time of the first error since the loop went on. */
  readonly since: DateTime.Utc
  /** The generation's position when the loop claimed it; undefined if the loop failed before. */
  readonly position: Position | undefined
}

export interface LoopErrors {
  readonly of: (name: Projection.Name, loop: Loop) => LastError | undefined
  /** Returns the last error of a loop that has failed since an instant at the latest. */
  readonly lasting: (name: Projection.Name, loop: Loop, since: number) => unknown
  /** Records that the loop holds the generation, at a position; later errors refer to its work. */
  readonly holdsUnsafe: (name: Projection.Name, loop: Loop, position: Position) => void
  /**
   * Records that the store answered with nothing to do for this host: another host may hold the
   * generation, at a position.
   */
  readonly idle: (
    name: Projection.Name,
    loop: Loop,
    position: Position | undefined
  ) => Effect.Effect<void>
  readonly wentOn: (name: Projection.Name, loop: Loop) => Effect.Effect<void>
  /** Records that the store answered, which ends an outage. Other errors may still recur. */
  readonly answered: (name: Projection.Name, loop: Loop) => Effect.Effect<void>
  /** Forgets the loop, which has succeeded or given up. */
  readonly endedUnsafe: (name: Projection.Name, loop: Loop) => void
  readonly failed: (
    name: Projection.Name,
    loop: Loop,
    cause: Cause.Cause<unknown>
  ) => Effect.Effect<void>
  /** Waits until one loop has its store back, so that the other loops need not wait any longer. */
  readonly back: Effect.Effect<void>
}

/** Recognizes errors whose message names the operation before the innermost cause. */
const isOfStore = (error: unknown): error is ReadModelStoreError | EventStoreError =>
  error instanceof ReadModelStoreError || error instanceof EventStoreError

export const make = (): LoopErrors => {
  const errors = new Map<string, Noted>()
  const held = new Map<string, Position>()
  /** The loops whose store does not answer. */
  const lost = new Set<string>()
  let back = Deferred.makeUnsafe<void>()
  const keyOf = (name: Projection.Name, loop: Loop) => `${name} ${loop}`

  const isBack = (key: string) =>
    Effect.suspend(() => {
      if (!lost.delete(key)) return Effect.void
      // Read before the waiting loops go on, since they remove themselves from `lost`.
      const isLast = lost.size === 0
      const waiting = back
      back = Deferred.makeUnsafe()
      Deferred.doneUnsafe(waiting, Exit.void)
      return isLast ? Effect.logInfo("Read models have their store back") : Effect.void
    })
  const cleared = (name: Projection.Name, key: string) =>
    Effect.suspend(() => {
      const known = errors.get(key)
      const wasLost = lost.has(key)
      errors.delete(key)
      return Effect.andThen(
        isBack(key),
        known === undefined || wasLost ? Effect.void : Effect.logInfo(`${name} goes on`)
      )
    })

  return {
    of: (name, loop) => {
      const noted = errors.get(keyOf(name, loop))
      return noted === undefined ? undefined : { message: noted.message, at: noted.at }
    },
    lasting: (name, loop, since) => {
      const noted = errors.get(keyOf(name, loop))
      return noted !== undefined && DateTime.toEpochMillis(noted.since) <= since
        ? noted.error
        : undefined
    },
    holdsUnsafe: (name, loop, position) => {
      held.set(keyOf(name, loop), position)
    },
    idle: (name, loop, position) =>
      Effect.suspend(() => {
        const key = keyOf(name, loop)
        held.delete(key)
        const known = errors.get(key)
        const isOver =
          known?.position === undefined || position === undefined || position > known.position
        return isOver ? cleared(name, key) : isBack(key)
      }),
    wentOn: (name, loop) => cleared(name, keyOf(name, loop)),
    answered: (name, loop) =>
      Effect.suspend(() => {
        const key = keyOf(name, loop)
        return lost.has(key) ? cleared(name, key) : Effect.void
      }),
    endedUnsafe: (name, loop) => {
      const key = keyOf(name, loop)
      errors.delete(key)
      held.delete(key)
      lost.delete(key)
    },
    failed: Effect.fnUntraced(function* (name, loop, cause) {
      const key = keyOf(name, loop)
      const error = Cause.squash(cause)
      const message = isOfStore(error) ? error.message : rootMessage(error)
      const known = errors.get(key)
      const at = yield* DateTime.now
      errors.set(key, { message, at, error, since: known?.since ?? at, position: held.get(key) })
      held.delete(key)
      // The stack trace is logged at debug level only.
      yield* Effect.logDebug(`${name} can't go on`, cause)
      if (isOutage(error)) {
        const isFirst = lost.size === 0
        lost.add(key)
        if (!isFirst) return
        return yield* Effect.logWarning(
          `Read models have lost their store, and try again until they have it back: ${message}`
        )
      }
      // Each message is logged once, so that an error that lasts an hour does not fill the log.
      if (known?.message === message) return
      yield* Effect.logWarning(`${name} can't go on, and tries again until it can: ${message}`)
    }),
    back: Effect.suspend(() => Deferred.await(back))
  }
}
