/**
 * What keeps the loops of a host from going on: of each loop the last error, until that loop goes on; and the lines in the log
 * about it, one when something is lost and one when it is back.
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
 * A read model has two on each host: one keeps what serves, the other builds what is to take its place; and one for as long as
 * a rebuild was asked for here.
 */
export type Loop = "serving" | "building" | "rebuilding"

/** What went wrong last in a loop. */
interface LastError {
  readonly message: string
  readonly at: DateTime.Utc
}

interface Noted extends LastError {
  /** How far the generation was when the loop had it; nothing when it failed before that. */
  readonly position: Position | undefined
}

export interface LoopErrors {
  readonly of: (name: Projection.Name, loop: Loop) => LastError | undefined
  /** The loop has the generation, at a position; what goes wrong from now on is about keeping it. */
  readonly holdsUnsafe: (name: Projection.Name, loop: Loop, position: Position) => void
  /** The store answered, and there is nothing to do for this host: another may hold the generation, at a position. */
  readonly idle: (
    name: Projection.Name,
    loop: Loop,
    position: Position | undefined
  ) => Effect.Effect<void>
  readonly wentOn: (name: Projection.Name, loop: Loop) => Effect.Effect<void>
  /** The store answered: if it was away, it is not any more. What else went wrong may go wrong again. */
  readonly answered: (name: Projection.Name, loop: Loop) => Effect.Effect<void>
  /** The loop ends, whether it did what it was to do or gave up. */
  readonly endedUnsafe: (name: Projection.Name, loop: Loop) => void
  readonly failed: (
    name: Projection.Name,
    loop: Loop,
    cause: Cause.Cause<unknown>
  ) => Effect.Effect<void>
  /** Waits until a loop that had lost its store has it back: the others need not wait any longer. */
  readonly back: Effect.Effect<void>
}

/** They name the operation before the innermost cause. */
const isOfStore = (error: unknown): error is ReadModelStoreError | EventStoreError =>
  error instanceof ReadModelStoreError || error instanceof EventStoreError

export const make = (): LoopErrors => {
  const errors = new Map<string, Noted>()
  const held = new Map<string, Position>()
  /** The loops that a store does not answer. */
  const lost = new Set<string>()
  let back = Deferred.makeUnsafe<void>()
  const keyOf = (name: Projection.Name, loop: Loop) => `${name} ${loop}`

  const isBack = (key: string) =>
    Effect.suspend(() => {
      if (!lost.delete(key)) return Effect.void
      // Before those that wait go on, which are back too then.
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
      errors.set(key, { message, at: yield* DateTime.now, position: held.get(key) })
      held.delete(key)
      // The stack, for who looks for it.
      yield* Effect.logDebug(`${name} can't go on`, cause)
      if (isOutage(error)) {
        const isFirst = lost.size === 0
        lost.add(key)
        if (!isFirst) return
        return yield* Effect.logWarning(
          `Read models have lost their store, and try again until they have it back: ${message}`
        )
      }
      // Once for each: what does not change for an hour fills no log.
      if (known?.message === message) return
      yield* Effect.logWarning(`${name} can't go on, and tries again until it can: ${message}`)
    }),
    back: Effect.suspend(() => Deferred.await(back))
  }
}
