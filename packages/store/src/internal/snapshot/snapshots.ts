/**
 * Finding the snapshot that a fold may start from, and taking new ones.
 *
 * A snapshot only ever saves time: none that can't be read, decoded or saved fails a command.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type { SnapshotPolicy } from "../../SnapshotPolicy.ts"
import { type LoadOptions, type Snapshot, SnapshotStore } from "../../SnapshotStore.ts"
import type { Known } from "../command/decision.ts"
import * as Patience from "../postgres/sql/patience.ts"
import * as Warnings from "../start/warnings.ts"
import * as Metrics from "../command/handlerMetrics.ts"
import { type Fold, makeFolds } from "./folds.ts"

export interface Snapshots {
  /** The newest snapshot of the aggregate's fold at or below a revision, if it decodes. */
  readonly find: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    atOrBelow: Revision.Revision | undefined
  ) => Effect.Effect<Known<State> | undefined>

  /** Begins to delete a snapshot whose event the stream does not have: nobody can ever use it. */
  readonly discard: (streamId: StreamId, snapshot: Known<unknown>) => Effect.Effect<void>

  /** Draws whether a known state is to be checked. */
  readonly isSampled: Effect.Effect<boolean>

  /**
   * Compares a known state with what the events up to its revision give; true if it is right. Of one that is false all
   * snapshots are deleted, since later ones were folded from it.
   */
  readonly check: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: Known<State>,
    folded: State
  ) => Effect.Effect<boolean>

  /** Begins to take a snapshot if it is time to. */
  readonly consider: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: Known<State>
  ) => Effect.Effect<void>
}

/** It holds no state: that may be anybody's data. */
class StateDiffers extends Data.TaggedError("StateDiffers")<{
  readonly revision: Revision.Revision
}> {
  override get message() {
    return `the events up to revision ${this.revision} give another state`
  }
}

export const none: Snapshots = {
  find: () => Effect.undefined,
  discard: () => Effect.void,
  // A cached state without snapshots was folded from events alone.
  isSampled: Effect.succeed(false),
  check: () => Effect.succeed(true),
  consider: () => Effect.void
}

/** How many snapshots may wait to be saved, each of another stream: when a store is slow, the rest is skipped. */
const MAX_IN_FLIGHT = 64
/** How many are saved at once. Each holds a connection, mostly of the pool that the commands use. */
const MAX_AT_ONCE = 2
/** Longer than any load should take once it has a connection: from then on the command had better read its events. */
const LOAD_SECONDS = 5
/** Longer than any save should take once it has a connection: one that hangs must not hold the others up for ever. */
const SAVE_SECONDS = 30
/** How long the closing of a handler waits for saves, so that a host which lives for one command has snapshots too. */
const CLOSE_SECONDS = 5

/** Of how many streams at least it is known when a snapshot was last tried. */
const MIN_TRIES = 1_000

/** `cachedStreams`: of how many streams the handler keeps states, which don't know of later snapshots. */
export const make = Effect.fnUntraced(function* (policy: SnapshotPolicy, cachedStreams: number) {
  const store = yield* SnapshotStore
  const warn = yield* Warnings.make
  const foldOf = yield* makeFolds(Math.max(MIN_TRIES, cachedStreams))
  const saves = yield* FiberSet.make<void, never>()
  // In the context of the layer: a save outlives its command, so it has no part in that one's transaction.
  const fork = yield* FiberSet.runtime(saves)<never>()
  const turns = yield* Semaphore.make(MAX_AT_ONCE)
  // The set is closed after this and interrupts what is left.
  yield* Effect.addFinalizer(() =>
    FiberSet.awaitEmpty(saves).pipe(
      Effect.interruptible,
      Effect.timeoutOption(Duration.seconds(CLOSE_SECONDS))
    )
  )
  const inFlight = new Set<StreamId>()

  const save = Effect.fnUntraced(function* <State>(
    category: string,
    streamId: StreamId,
    fold: Fold<State>,
    { eventId, revision, state }: Known<State>
  ) {
    if (eventId === undefined) return
    const encoded = yield* Effect.fromResult(fold.encode(state))
    const { fingerprint } = fold
    yield* store.save({ streamId, revision, eventId, fingerprint, state: encoded })
    fold.tries.saved(streamId, revision)
    yield* Metrics.snapshotsTaken({ category, outcome: "saved" })
    yield* Effect.catch(store.prune({ streamId, revision, fingerprint }, policy.keep), (error) =>
      warn(notPruned, streamId, Cause.fail(error))
    )
  })

  /** Like a save it has no part in a transaction of the caller, which may still be undone. */
  const remove = Effect.fnUntraced(function* (
    streamId: StreamId,
    only?: Pick<Snapshot, "revision" | "eventId">
  ) {
    // Left where it is, it is found and deleted another time.
    if ((yield* FiberSet.size(saves)) >= MAX_IN_FLIGHT) return
    fork(
      Patience.within(store.delete(streamId, only), Duration.seconds(SAVE_SECONDS)).pipe(
        Semaphore.withPermit(turns),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.void : warn(notDiscarded, streamId, cause)
        )
      )
    )
  })

  return {
    find: Effect.fnUntraced(function* (aggregate, streamId, atOrBelow) {
      const { category } = aggregate
      const fold = yield* foldOf(aggregate)
      if (fold === undefined) return undefined
      const ignored = (reason: string) => Metrics.snapshotsIgnored({ category, reason })
      let options: LoadOptions = { atOrBelow }
      while (true) {
        const loaded = yield* Effect.exit(
          Patience.within(
            Effect.suspend(() => store.load(streamId, options)),
            Duration.seconds(LOAD_SECONDS)
          )
        )
        if (Exit.isFailure(loaded)) {
          if (Cause.hasInterruptsOnly(loaded.cause)) return yield* Effect.interrupt
          yield* ignored("unreadable")
          yield* warn(notRead, streamId, loaded.cause)
          return undefined
        }
        if (loaded.value._tag === "None") return undefined
        const { eventId, fingerprint, revision, state } = loaded.value.value
        if (fingerprint !== fold.fingerprint) {
          yield* ignored("fingerprint")
        } else {
          const decoded = fold.decode(state)
          if (Result.isSuccess(decoded)) {
            return {
              revision,
              eventId,
              position: Position.start,
              state: decoded.success,
              snapshotRevision: revision
            }
          }
          yield* ignored("undecodable")
        }
        // From the second look on the store leaves out the other folds' itself.
        options = { atOrBelow: Revision.make(revision - 1), fingerprint: fold.fingerprint }
      }
    }),
    discard: (streamId, { eventId, revision }) =>
      eventId === undefined ? Effect.void : remove(streamId, { revision, eventId }),
    isSampled: Effect.withFiber((fiber) =>
      Effect.succeed(fiber.getRef(Random.Random).nextDoubleUnsafe() * policy.check < 1)
    ),
    check: Effect.fnUntraced(function* (aggregate, streamId, known, folded) {
      const fold = yield* foldOf(aggregate)
      // Without a fold there are no snapshots that a state could come from.
      if (fold === undefined) return true
      const isRight = fold.isSame(known.state, folded)
      const { category } = aggregate
      yield* Metrics.snapshotsChecked({ category, outcome: isRight ? "right" : "false" })
      if (isRight) return true
      yield* warn(wasFalse, streamId, Cause.fail(new StateDiffers({ revision: known.revision })))
      yield* remove(streamId)
      return false
    }),
    consider: (aggregate, streamId, known) =>
      Effect.gen(function* () {
        const fold = yield* foldOf(aggregate)
        if (fold === undefined) return
        const { revision } = known
        const { saved, tried } = fold.tries.upTo(streamId, revision)
        const snapshotRevision = Revision.make(Math.max(known.snapshotRevision, saved))
        const moment = { streamId, revision, snapshotRevision, triedRevision: tried }
        if (!policy.take(moment)) return
        const { category } = aggregate
        if (inFlight.has(streamId) || inFlight.size >= MAX_IN_FLIGHT) {
          yield* Metrics.snapshotsTaken({ category, outcome: "skipped" })
          return
        }
        inFlight.add(streamId)
        fold.tries.began(streamId, revision)
        fork(
          Patience.within(
            save(category, streamId, fold, known),
            Duration.seconds(SAVE_SECONDS)
          ).pipe(
            Semaphore.withPermit(turns),
            Effect.catchCause((cause) =>
              Cause.hasInterruptsOnly(cause)
                ? Effect.void
                : Effect.andThen(
                    Metrics.snapshotsTaken({ category, outcome: "failed" }),
                    warn(notSaved, streamId, cause)
                  )
            ),
            Effect.ensuring(Effect.sync(() => inFlight.delete(streamId)))
          )
        )
      }).pipe(
        // The command is recorded by now: a policy that throws must not fail it.
        Effect.catchCause((cause) => warn(policyFailed, streamId, cause))
      )
  } satisfies Snapshots
})

const notRead: Warnings.Warning = {
  of: (streamId) => `A snapshot of ${streamId} could not be read`,
  more: (count) => `${count} more snapshots could not be read`
}
const notSaved: Warnings.Warning = {
  of: (streamId) => `A snapshot of ${streamId} could not be saved`,
  more: (count) => `${count} more snapshots could not be saved`
}
const notPruned: Warnings.Warning = {
  of: (streamId) => `Old snapshots of ${streamId} could not be deleted`,
  more: (count) => `Old snapshots could not be deleted ${count} more times`
}
const notDiscarded: Warnings.Warning = {
  of: (streamId) => `A snapshot of ${streamId} that is of no use could not be deleted`,
  more: (count) => `${count} more snapshots that are of no use could not be deleted`
}
const wasFalse: Warnings.Warning = {
  of: (streamId) => `A stored state of ${streamId} was false, and its snapshots are deleted`,
  more: (count) => `${count} more stored states were false`
}
const policyFailed: Warnings.Warning = {
  of: (streamId) => `The snapshot policy failed for ${streamId}`,
  more: (count) => `The snapshot policy failed ${count} more times`
}
