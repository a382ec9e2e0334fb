/**
 * Waits for positions: all waiters of one read model in a process share one poll of it.
 *
 * A poll by each waiter, every 25 milliseconds, would be 40,000 statements a second for 1,000
 * waiters, and would starve the runner that they wait for of the pool. So one fiber polls, and
 * judges each waiter by the result. Polls follow each other: at most one is in flight, however many
 * waiters arrive. A waiter is judged only by polls that began after it arrived: an earlier one may
 * have seen a state that its caller has changed since, such as an event that stopped the read model
 * and was then skipped.
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
import type { GenerationState } from "../../driver/ReadModelGeneration.ts"
import * as History from "./history.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import type { SharedCalls } from "./sharedCalls.ts"
import { excludes, nextEvent, type Searched } from "./nextEvent.ts"
import type { Runner } from "./runner.ts"

/** The interval of polls of a read model that another host maintains. */
const WAIT_POLL = Duration.millis(25)

const NO_MISMATCH = Exit.succeed(undefined)

type WaitError = EventStoreError | ReadModelStoreError | Status.ProjectionStopped | HistoryChanged

export interface Waiters {
  /** Waits until the serving rows include every event up to `position`. */
  readonly until: (position: Position.Position) => Effect.Effect<void, WaitError>
  /** Polls once, on the caller's fiber; returns true if the rows include every event up to it. */
  readonly isAt: (position: Position.Position) => Effect.Effect<boolean, WaitError>
}

interface Waiter {
  readonly position: Position.Position
  readonly done: Deferred.Deferred<void, WaitError>
  /** True once a look has found its position not reached. */
  waited: boolean
}

interface Look {
  readonly serving: GenerationState | undefined
  /** The shadow of the version that is waited for, if one is being built. */
  readonly shadow: GenerationState | undefined
  /** True if this host met rows of another history. */
  readonly suspected: boolean
  /** Returns true if the rows, if of the log's history, include every event up to a position. */
  readonly includes: (position: Position.Position) => boolean
  /** Returns the cause of a failed search, if a position needs it. */
  readonly unsearched: (position: Position.Position) => Cause.Cause<EventStoreError> | undefined
  /** The mismatch of the serving rows; read only if a waiter could be done, or if suspected. */
  readonly mismatch: Exit.Exit<MismatchReason | undefined, EventStoreError>
}

export const make = Effect.fnUntraced(function* (runner: Runner, model: AnyModel) {
  const { name, version } = model.table
  const { changes, events, leases, mismatches, pollInterval, shared, store } = runner
  const waiters = new Set<Waiter>()
  let arrived = Deferred.makeUnsafe<void>()
  let hasEnded = false
  /** The next event that the serving rows lack, as of the last search. */
  let lacks: Position.Position | undefined

  /** Returns the positions without an event that the rows are known to lack. */
  const toFind = (serving: GenerationState, positions: ReadonlyArray<Position.Position>) => {
    // An older version may fold other categories.
    if (serving.version !== version) return []
    if (lacks !== undefined && Status.position(serving) >= lacks) lacks = undefined
    return positions.filter(
      (position) => !isThere(serving, position) && (lacks === undefined || position < lacks)
    )
  }

  /** Searches the log for events that the rows lack, up to the highest of some positions. */
  const search = Effect.fnUntraced(function* (
    serving: GenerationState,
    positions: ReadonlyArray<Position.Position>
  ): Effect.fn.Return<Searched | undefined, EventStoreError> {
    const [to] = positions.toSorted((a, b) => (a < b ? 1 : -1))
    if (to === undefined) return undefined
    const searched = yield* nextEvent(events, model, Status.position(serving), to)
    lacks = searched.next ?? lacks
    return searched
  })

  const look = Effect.fnUntraced(function* (
    states: ReadonlyArray<GenerationState>,
    mismatchOf: SharedCalls["mismatchOf"],
    judged: ReadonlyArray<Position.Position>,
    /** Returns the positions up to which the log is searched for events that the rows lack. */
    toSearch: (serving: GenerationState) => ReadonlyArray<Position.Position>
  ): Effect.fn.Return<Look, EventStoreError> {
    const serving = states.find(({ role }) => role === "serving")
    const shadow = states.find((state) => state.role === "shadow" && state.version === version)
    const suspected = mismatches.has(name)
    if (serving === undefined) {
      return {
        serving,
        shadow,
        suspected,
        includes: () => false,
        unsearched: () => undefined,
        mismatch: NO_MISMATCH
      }
    }
    const sought = toFind(serving, toSearch(serving))
    const found = yield* Effect.exit(search(serving, sought))
    const includes = (position: Position.Position) =>
      isThere(serving, position) ||
      (Exit.isSuccess(found) && found.value !== undefined && excludes(found.value, position))
    const unsearched = (position: Position.Position) =>
      Exit.isFailure(found) && sought.includes(position) ? found.cause : undefined
    const mismatch =
      suspected || judged.some(includes) ? yield* Effect.exit(mismatchOf(serving)) : NO_MISMATCH
    return { serving, shadow, suspected, includes, unsearched, mismatch }
  })

  /** Returns the answer for a waiter by a poll; undefined while it has to wait. */
  const judge = (
    { includes, mismatch, serving, shadow, suspected, unsearched }: Look,
    position: Position.Position
  ): Exit.Exit<void, WaitError> | undefined => {
    if (serving === undefined) return Exit.void
    const isDone = includes(position)
    // Rows of another history may be past the position without its event.
    if (isDone || suspected) {
      if (Exit.isFailure(mismatch)) return Exit.failCause(mismatch.cause)
      if (mismatch.value !== undefined) {
        return Exit.fail(new HistoryChanged({ name, reason: mismatch.value }))
      }
      if (isDone) return Exit.void
    }
    // A serving generation of another version that no host maintains only moves by a switch to the
    // shadow, so then the shadow's poison ends the wait too.
    const isLeft = serving.version !== version && Option.isNone(serving.owner)
    for (const { poison } of isLeft && shadow !== undefined ? [serving, shadow] : [serving]) {
      if (Option.isSome(poison) && poison.value.position <= position) {
        return Exit.fail(new Status.ProjectionStopped({ name, poison: poison.value }))
      }
    }
    const cause = unsearched(position)
    return cause && Exit.failCause(cause)
  }

  /** Returns the positions to search the log up to, unless a follower of this host reaches them. */
  const toSearch = (serving: GenerationState, judged: ReadonlyArray<Waiter>) => {
    const followed = leases.followedUnsafe(name)
    if (followed === undefined) {
      // Mostly the events are folded by the second look.
      return judged.filter(({ waited }) => waited).map(({ position }) => position)
    }
    const { ahead } = followed
    const isRead = ({ position }: Waiter) =>
      !isThere(serving, position) && ahead !== undefined && position <= ahead.position
    if (judged.some(isRead)) leases.hastenUnsafe()
    return []
  }

  const tell = (waiter: Waiter, answer: Exit.Exit<void, WaitError>) => {
    waiters.delete(waiter)
    Deferred.doneUnsafe(waiter.done, answer)
  }

  const looking = Effect.gen(function* () {
    for (;;) {
      // Lets all waiters that arrive at the same time register first.
      yield* Effect.yieldNow
      // Taken before the poll: an arrival or a change during the poll ends the wait after it.
      const arrival = arrived
      const change = changes.nextUnsafe(name, "step")
      const judged = Array.from(waiters)
      if (judged.length === 0) {
        yield* Deferred.await(arrival)
        continue
      }
      const looked = yield* Effect.exit(
        Effect.flatMap(shared.statesOf(name), (states) =>
          look(
            states,
            shared.mismatchOf,
            judged.map(({ position }) => position),
            (serving) => toSearch(serving, judged)
          )
        )
      )
      if (Exit.isFailure(looked) && Cause.hasInterruptsOnly(looked.cause)) {
        return yield* Effect.interrupt
      }
      for (const waiter of judged) {
        const answer = Exit.isFailure(looked)
          ? Exit.failCause(looked.cause)
          : judge(looked.value, waiter.position)
        if (answer !== undefined) tell(waiter, answer)
        waiter.waited = true
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
  // Forked into the runner's scope and not on a waiter's fiber, whose transaction the others do not
  // share, and which may end before them.
  yield* Effect.forkScoped(looking)

  const isAt = Effect.fnUntraced(function* (position: Position.Position) {
    const compare = (serving: GenerationState) => History.mismatch(events, serving)
    const looked = yield* look(yield* store.states(name), compare, [position], () => [position])
    const answer = judge(looked, position)
    if (answer === undefined) return false
    yield* answer
    return true
  })

  const until = (position: Position.Position): Effect.Effect<void, WaitError> =>
    Effect.suspend(() => {
      if (hasEnded) return Effect.interrupt
      const waiter: Waiter = { position, done: Deferred.makeUnsafe(), waited: false }
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

/** Returns true if the rows, if of the log's history, are at the position. */
const isThere = (serving: GenerationState, position: Position.Position): boolean =>
  serving.mode === "inline" || Status.position(serving) >= position
