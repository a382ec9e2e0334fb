/**
 * Finding the snapshot that a fold may start from, and taking new ones.
 *
 * A snapshot only ever saves time: none that can't be read, decoded or saved fails a command.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Cause from "effect/Cause"
import * as Digest from "effect/crypto/Digest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as FoldFingerprint from "../FoldFingerprint.ts"
import type { SnapshotPolicy } from "../SnapshotPolicy.ts"
import { type LoadOptions, SnapshotStore } from "../SnapshotStore.ts"
import type { Known } from "./decision.ts"
import * as Metrics from "./handlerMetrics.ts"

export interface Snapshots {
  /** The newest snapshot of the aggregate's fold at or below a revision, if it decodes. */
  readonly find: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    atOrBelow: Revision.Revision | undefined
  ) => Effect.Effect<Known<State> | undefined>

  /** Begins to delete a snapshot whose event the stream does not have: nobody can ever use it. */
  readonly discard: (streamId: StreamId, snapshot: Known<unknown>) => Effect.Effect<void>

  /** Begins to take a snapshot if it is time to; tells whether it did. */
  readonly consider: <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: Known<State>
  ) => Effect.Effect<boolean>
}

export const none: Snapshots = {
  find: () => Effect.undefined,
  discard: () => Effect.void,
  consider: () => Effect.succeed(false)
}

/** How many snapshots may wait to be saved, each of another stream: when a store is slow, the rest is skipped. */
const MAX_IN_FLIGHT = 64
/** How many are saved at once. Each holds a connection, mostly of the pool that the commands use. */
const MAX_AT_ONCE = 2
/** Longer than any load should take: from then on the command had better read its events. */
const LOAD_SECONDS = 5
/** Longer than any save should take: one that hangs must not hold the others up for ever. */
const SAVE_SECONDS = 30
/** How long the closing of a handler waits for saves, so that a host which lives for one command has snapshots too. */
const CLOSE_SECONDS = 5

export const make = Effect.fnUntraced(function* (policy: SnapshotPolicy) {
  const store = yield* SnapshotStore
  const foldOf = yield* makeFolds
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

  const save = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    { eventId, revision, state }: Known<State>
  ) {
    const fold = yield* foldOf(aggregate)
    if (fold === undefined || eventId === undefined) return
    const encoded = yield* Effect.fromResult(fold.encode(state))
    const { fingerprint } = fold
    yield* store.save({ streamId, revision, eventId, fingerprint, state: encoded })
    yield* Metrics.snapshotsTaken({ category: aggregate.category, outcome: "saved" })
    yield* Effect.catch(store.prune({ streamId, revision, fingerprint }, policy.keep), (error) =>
      warn(`Old snapshots of ${streamId} could not be deleted`, Cause.fail(error))
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
          Effect.suspend(() => store.load(streamId, options)).pipe(
            Effect.timeout(Duration.seconds(LOAD_SECONDS))
          )
        )
        if (Exit.isFailure(loaded)) {
          if (Cause.hasInterruptsOnly(loaded.cause)) return yield* Effect.interrupt
          yield* ignored("unreadable")
          yield* warn(`A snapshot of ${streamId} could not be read`, loaded.cause)
          return undefined
        }
        if (loaded.value._tag === "None") return undefined
        const { eventId, fingerprint, revision, state } = loaded.value.value
        if (fingerprint !== fold.fingerprint) {
          yield* ignored("fingerprint")
        } else {
          const decoded = fold.decode(state)
          if (Result.isSuccess(decoded)) {
            return { revision, eventId, state: decoded.success, snapshotRevision: revision }
          }
          yield* ignored("undecodable")
        }
        // From the second look on the store leaves out the other folds' itself.
        options = { atOrBelow: Revision.make(revision - 1), fingerprint: fold.fingerprint }
      }
    }),
    discard: Effect.fnUntraced(function* (streamId, { eventId, revision }) {
      // Left where it is, it is found and deleted another time.
      if (eventId === undefined || (yield* FiberSet.size(saves)) >= MAX_IN_FLIGHT) return
      // Like a save it has no part in a transaction of the caller, which may still be undone.
      fork(
        store.delete(streamId, { revision, eventId }).pipe(
          Effect.timeout(Duration.seconds(SAVE_SECONDS)),
          Semaphore.withPermit(turns),
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause)
              ? Effect.void
              : warn(`A snapshot of ${streamId} that is of no use could not be deleted`, cause)
          )
        )
      )
    }),
    consider: (aggregate, streamId, known) =>
      Effect.gen(function* () {
        const { revision, snapshotRevision } = known
        if (!policy.take({ streamId, revision, snapshotRevision })) return false
        const { category } = aggregate
        if (inFlight.has(streamId) || inFlight.size >= MAX_IN_FLIGHT) {
          yield* Metrics.snapshotsTaken({ category, outcome: "skipped" })
          return false
        }
        inFlight.add(streamId)
        fork(
          save(aggregate, streamId, known).pipe(
            Effect.timeout(Duration.seconds(SAVE_SECONDS)),
            Semaphore.withPermit(turns),
            Effect.catchCause((cause) =>
              Cause.hasInterruptsOnly(cause)
                ? Effect.void
                : Effect.andThen(
                    Metrics.snapshotsTaken({ category, outcome: "failed" }),
                    warn(`No snapshot of ${streamId} at revision ${revision}`, cause)
                  )
            ),
            Effect.ensuring(Effect.sync(() => inFlight.delete(streamId)))
          )
        )
        return true
      }).pipe(
        // The command is recorded by now: a policy that throws must not fail it.
        Effect.catchCause((cause) =>
          Effect.as(warn(`The snapshot policy failed for ${streamId}`, cause), false)
        )
      )
  } satisfies Snapshots
})

/** An aggregate's fold: how to tell it from others, and its states as JSON. */
interface Fold<State> {
  readonly fingerprint: FoldFingerprint.FoldFingerprint
  readonly encode: (state: State) => Result.Result<Schema.Json, Schema.SchemaError>
  readonly decode: (json: unknown) => Result.Result<State, unknown>
}

/** Looks at each aggregate once, when it is first used; an aggregate without fingerprint has no fold. */
const makeFolds = Effect.gen(function* () {
  const digest = yield* Digest.Digest
  const folds = new WeakMap<object, Effect.Effect<Fold<unknown> | undefined>>()
  return <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>
  ): Effect.Effect<Fold<State> | undefined> =>
    Effect.suspend(() => {
      // What is kept for an aggregate was made from it, so that its states have the right type.
      const known = folds.get(aggregate) as Effect.Effect<Fold<State> | undefined> | undefined
      if (known !== undefined) return known
      return Effect.flatMap(
        Effect.cached(Effect.uninterruptible(makeFold(aggregate, digest))),
        (fold) => {
          folds.set(aggregate, fold as Effect.Effect<Fold<unknown> | undefined>)
          return fold
        }
      )
    })
})

const makeFold = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  digest: Digest.Digest["Service"]
): Effect.Effect<Fold<State> | undefined> =>
  FoldFingerprint.make(aggregate).pipe(
    Effect.provideService(Digest.Digest, digest),
    Effect.map((fingerprint) => {
      const json = Schema.toCodecJson(aggregate.state)
      const decode = Schema.decodeUnknownResult(json)
      return {
        fingerprint,
        encode: Schema.encodeUnknownResult(json),
        // Checks are the user's code, and may throw on a state that they never saw.
        decode: (state: unknown) =>
          Result.flatMap(
            Result.try(() => decode(state)),
            identity
          )
      }
    }),
    Effect.catchTag("NoFoldFingerprint", (error) =>
      warn(`${aggregate.category} has no snapshots`, Cause.fail(error)).pipe(
        Effect.andThen(Metrics.fingerprintsMissing({ category: aggregate.category })),
        Effect.as(undefined)
      )
    )
  )

const warn = (what: string, cause: Cause.Cause<unknown>) => Effect.logWarning(what, cause)
