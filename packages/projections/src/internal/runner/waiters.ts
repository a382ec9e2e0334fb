/**
 * Waiting for positions: all who wait for one read model in a process share one look at it.
 *
 * A look of each waiter of its own, every 25 milliseconds, would be 40,000 statements a second of 1,000 waiters, and keep the pool from
 * the runner that they wait for. So one fiber looks, and judges each waiter by what it saw. Looks follow each other: one is
 * under way at most, however many waiters come. A waiter is judged only by looks that began after it came: an earlier one may have
 * seen what its caller has changed since, such as an event that stopped the read model and is skipped.
 */
import type * as Position from "@daybook/kernel/Position"
import type { MismatchReason } from "@daybook/store/Checkpoint"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Status from "../../ProjectionStatus.ts"
import { HistoryChanged, type ReadModelStoreError } from "../../ReadModelError.ts"
import type { GenerationState } from "../../ReadModelGeneration.ts"
import * as History from "../fold/history.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import type { Runner } from "./runner.ts"

/** How often a read model is looked at that another host keeps. */
const WAIT_POLL = Duration.millis(25)

type WaitError = EventStoreError | ReadModelStoreError | Status.ProjectionStopped | HistoryChanged

export interface Waiters {
  /** Waits until the serving rows include every event up to `position`. */
  readonly until: (position: Position.Position) => Effect.Effect<void, WaitError>
  /** Looks once, under the caller: whether they include them now. */
  readonly isAt: (position: Position.Position) => Effect.Effect<boolean, WaitError>
}

interface Waiter {
  readonly position: Position.Position
  readonly done: Deferred.Deferred<void, WaitError>
}

interface Look {
  readonly serving: GenerationState | undefined
  /** Of the version that is waited for, where it is built beside what serves. */
  readonly shadow: GenerationState | undefined
  /** Whether this host met rows of another history. */
  readonly suspected: boolean
  /** Whether they are; looked up if anyone could be done, or if it is suspected. */
  readonly mismatch: Exit.Exit<MismatchReason | undefined, EventStoreError>
}

export const make = Effect.fnUntraced(function* (runner: Runner, model: AnyModel) {
  const { name, version } = model.table
  const { changes, events, mismatches, pollInterval, store } = runner
  const waiters = new Set<Waiter>()
  let arrived = Deferred.makeUnsafe<void>()
  let hasEnded = false

  const look = Effect.fnUntraced(function* (lowest: Position.Position) {
    const states = yield* store.states(name)
    const serving = states.find(({ role }) => role === "serving")
    const suspected = mismatches.has(name)
    const mismatch =
      serving !== undefined && (suspected || isThere(serving, lowest))
        ? yield* Effect.exit(History.mismatch(events, serving))
        : Exit.succeed(undefined)
    const shadow = states.find((state) => state.role === "shadow" && state.version === version)
    return { serving, shadow, suspected, mismatch }
  })

  /** What a waiter is told by a look; undefined while it has to wait. */
  const judge = (
    { mismatch, serving, shadow, suspected }: Look,
    position: Position.Position
  ): Exit.Exit<void, WaitError> | undefined => {
    if (serving === undefined) return Exit.void
    const isDone = isThere(serving, position)
    // Rows of another history may be past the position, and don't hold its event.
    if (isDone || suspected) {
      if (Exit.isFailure(mismatch)) return Exit.failCause(mismatch.cause)
      if (mismatch.value !== undefined) {
        return Exit.fail(new HistoryChanged({ name, reason: mismatch.value }))
      }
      if (isDone) return Exit.void
    }
    // Of another version it is the shadow that is waited for, and what serves only while a host still keeps it.
    const isLeft = serving.version !== version && Option.isNone(serving.owner)
    for (const { poison } of isLeft && shadow !== undefined ? [serving, shadow] : [serving]) {
      if (Option.isSome(poison) && poison.value.position <= position) {
        return Exit.fail(new Status.ProjectionStopped({ name, poison: poison.value }))
      }
    }
    return undefined
  }

  const tell = (waiter: Waiter, answer: Exit.Exit<void, WaitError>) => {
    waiters.delete(waiter)
    Deferred.doneUnsafe(waiter.done, answer)
  }

  const looking = Effect.gen(function* () {
    for (;;) {
      // Those who come at the same time are all there then.
      yield* Effect.yieldNow
      // Taken before the look: what comes or changes during it ends the wait after it.
      const arrival = arrived
      const change = changes.nextUnsafe()
      const judged = Array.from(waiters)
      const [first] = judged
      if (first === undefined) {
        yield* Deferred.await(arrival)
        continue
      }
      const lowest = judged.reduce(
        (low, { position }) => (position < low ? position : low),
        first.position
      )
      const looked = yield* Effect.exit(look(lowest))
      if (Exit.isFailure(looked) && Cause.hasInterruptsOnly(looked.cause)) {
        return yield* Effect.interrupt
      }
      for (const waiter of judged) {
        const answer = Exit.isFailure(looked)
          ? Exit.failCause(looked.cause)
          : judge(looked.value, waiter.position)
        if (answer !== undefined) tell(waiter, answer)
      }
      if (waiters.size > 0) {
        yield* Effect.timeoutOption(
          Effect.raceFirst(Deferred.await(arrival), Deferred.await(change)),
          Duration.min(pollInterval, WAIT_POLL)
        )
      }
    }
  }).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        hasEnded = true
        for (const waiter of waiters) tell(waiter, exit)
      })
    )
  )
  // Not under a waiter: its transaction is not the others', and it may end before them.
  yield* Effect.forkScoped(looking)

  const isAt = Effect.fnUntraced(function* (position: Position.Position) {
    const answer = judge(yield* look(position), position)
    if (answer === undefined) return false
    yield* answer
    return true
  })

  const until = (position: Position.Position): Effect.Effect<void, WaitError> =>
    Effect.suspend(() => {
      if (hasEnded) return Effect.interrupt
      const waiter: Waiter = { position, done: Deferred.makeUnsafe() }
      waiters.add(waiter)
      const coming = arrived
      arrived = Deferred.makeUnsafe()
      Deferred.doneUnsafe(coming, Exit.void)
      return Effect.ensuring(
        Deferred.await(waiter.done),
        Effect.sync(() => waiters.delete(waiter))
      )
    })

  return { isAt, until } satisfies Waiters
})

/** Whether the rows include every event up to the position, if they are of the log's history. */
const isThere = (serving: GenerationState, position: Position.Position): boolean =>
  serving.mode === "inline" || Status.position(serving) >= position
