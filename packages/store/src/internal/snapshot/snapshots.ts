/**
 * Finds the snapshot that a fold may start from, and takes new ones.
 *
 * A snapshot only saves time: one that can't be read, decoded or saved never fails a command.
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
import type { KnownState } from "../command/fold.ts"
import * as TimeLimit from "../driver/timeLimit.ts"
import * as Warnings from "../start/warnings.ts"
import * as Metrics from "../command/metrics.ts"
import { type Fold, makeFolds } from "./folds.ts"

export interface Snapshots {
  /** Returns the newest decodable snapshot of the aggregate's fold at or below a revision. */
  readonly find: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    atOrBelow: Revision.Revision | undefined
  ) => Effect.Effect<KnownState<State> | undefined>

  /** Begins to delete a snapshot whose event the stream lacks, since it can never be used. */
  readonly discard: (streamId: StreamId, snapshot: KnownState<unknown>) => Effect.Effect<void>

  /** Draws at random whether to check a known state. */
  readonly isSampled: Effect.Effect<boolean>

  /**
   * Compares a known state with the fold of the events up to its revision; true if they are the
   * same. If not, all snapshots of the stream are deleted, since later ones were folded from the
   * wrong state.
   */
  readonly check: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: KnownState<State>,
    folded: State
  ) => Effect.Effect<boolean>

  /** Begins to take a snapshot if the policy asks for one. */
  readonly consider: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: KnownState<State>
  ) => Effect.Effect<void>
}

/**
 * A known state differs from the fold of its events. Holds no state, which may be personal data.
 */
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

/**
 * The maximum number of snapshots that wait to be saved, each of another stream: when a store is
 * slow, further ones are skipped.
 */
const MAX_IN_FLIGHT = 64
/** The number of saves at once. Each holds a connection, usually of the pool that commands use. */
const MAX_AT_ONCE = 2
/**
 * The time limit of a load once it has a connection, longer than any should take. After it, reading
 * the events is the better choice.
 */
const LOAD_SECONDS = 5
/**
 * The time limit of a save once it has a connection, longer than any should take. A hanging save
 * must not block the others for ever.
 */
const SAVE_SECONDS = 30
/**
 * The time that closing a handler waits for saves, so that a host that runs a single command gets
 * snapshots too.
 */
const CLOSE_SECONDS = 5

/** The minimum number of streams whose last tries are remembered. */
const MIN_TRIES = 1_000

/**
 * Makes the snapshots of a handler. `cachedStreams`: the number of streams whose states it caches;
 * a cached state does not know of later snapshots, so the tries of as many streams are remembered.
 */
export const make = Effect.fnUntraced(function* (policy: SnapshotPolicy, cachedStreams: number) {
  const store = yield* SnapshotStore
  const warn = yield* Warnings.make
  const foldOf = yield* makeFolds(Math.max(MIN_TRIES, cachedStreams))
  const saves = yield* FiberSet.make<void, never>()
  // In the context of the layer: a save outlives its command, so it must not use the command's
  // transaction.
  const fork = yield* FiberSet.runtime(saves)<never>()
  const turns = yield* Semaphore.make(MAX_AT_ONCE)
  // The set closes after this finalizer, and interrupts the remaining saves.
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
    { event, revision, state }: KnownState<State>
  ) {
    if (event === undefined) return
    const encoded = yield* Effect.fromResult(fold.encode(state))
    const { fingerprint } = fold
    yield* store.save({ streamId, revision, event, fingerprint, state: encoded })
    fold.tries.saved(streamId, revision)
    yield* Metrics.snapshotsTaken({ category, outcome: "saved" })
    yield* Effect.catch(store.prune({ streamId, revision, fingerprint }, policy.keep), (error) =>
      warn(notPruned, streamId, Cause.fail(error))
    )
  })

  /** Deletes outside the caller's transaction, like a save, since that may be rolled back. */
  const remove = Effect.fnUntraced(function* (
    streamId: StreamId,
    only?: Pick<Snapshot, "revision" | "event">
  ) {
    // A snapshot that is not deleted now is found and deleted later.
    if ((yield* FiberSet.size(saves)) >= MAX_IN_FLIGHT) return
    fork(
      TimeLimit.within(store.delete(streamId, only), Duration.seconds(SAVE_SECONDS)).pipe(
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
          TimeLimit.within(
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
        const { event, fingerprint, revision, state } = loaded.value.value
        if (fingerprint !== fold.fingerprint) {
          yield* ignored("fingerprint")
        } else {
          const decoded = fold.decode(state)
          if (Result.isSuccess(decoded)) {
            return {
              revision,
              event,
              position: Position.start,
              state: decoded.success,
              snapshotRevision: revision
            }
          }
          yield* ignored("undecodable")
        }
        // From the second look on, the store filters by the fold.
        options = { atOrBelow: Revision.make(revision - 1), fingerprint: fold.fingerprint }
      }
    }),
    discard: (streamId, { event, revision }) =>
      event === undefined ? Effect.void : remove(streamId, { revision, event }),
    isSampled: Effect.withFiber((fiber) =>
      Effect.succeed(fiber.getRef(Random.Random).nextDoubleUnsafe() * policy.check < 1)
    ),
    check: Effect.fnUntraced(function* (aggregate, streamId, known, folded) {
      const fold = yield* foldOf(aggregate)
      // Without a fold there are no snapshots from which a state could come.
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
          TimeLimit.within(
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
        // The command is recorded already, so a policy that throws must not fail it.
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
