/**
 * Stored states, so that a long stream need not be folded from its first event: the port that every
 * snapshot store implements.
 *
 * A snapshot is disposable: the command handler checks it before use, so deleting any or all of
 * them changes no answer.
 *
 * Rules of every store, checked by `SnapshotStoreLaws` of `@daybook/testing`:
 *
 * 1. A saved snapshot is loaded unchanged, or its saving is refused.
 * 2. A revision of a stream has one snapshot: the last one saved.
 * 3. `load` returns the newest of the requested snapshots.
 * 4. `prune` keeps the newest of each fold, of a bounded number of folds, and the given one.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import { printableLine } from "@daybook/kernel/Printable"
import { EventMark } from "@daybook/kernel/EventMark"
import { Revision } from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { FoldFingerprint } from "./FoldFingerprint.ts"
import { rootMessage } from "./internal/start/rootMessage.ts"
import { NotJson } from "./EventStore.ts"

/**
 * The largest state: bytes of its JSON text in UTF-8, 16 MiB less 1 KiB.
 *
 * **Details**
 * PostgreSQL sends a snapshot as one message, of which the client reads at most 16 MiB; besides the
 * state it holds the address and the lengths of the columns, a few hundred bytes.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_STATE_BYTES = 16_777_216 - 1_024

/**
 * The state of a fold at a revision of a stream.
 *
 * @category types
 * @since 0.1.0
 */
export const Snapshot = Schema.Struct({
  streamId: StreamId,
  /** From 1 to 2^31 - 1. */
  revision: Revision.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })),
  /** The event at this revision, which shows that the stream is still the one that was folded. */
  event: EventMark,
  /** The fingerprint of the fold. */
  fingerprint: FoldFingerprint,
  /** The JSON form of the state, by its schema. */
  state: Schema.Json
})

/**
 * @category types
 * @since 0.1.0
 */
export type Snapshot = Named.Struct<typeof Snapshot>

/**
 * The snapshot can't be stored unchanged: nothing was saved.
 *
 * @category errors
 * @since 0.1.0
 */
export class SnapshotRefused extends Schema.TaggedError<SnapshotRefused>()("SnapshotRefused", {
  /** The given id, which may be invalid. */
  streamId: Schema.String,
  reason: Schema.TaggedUnion({
    Invalid: { issue: Schema.String },
    /** A value is not JSON. `path` leads to it, such as `state.lines.0.price`. */
    NotJson: { path: Schema.String, found: NotJson },
    TooLarge: { bytes: Schema.Int, limit: Schema.Int }
  })
}) {
  override get message() {
    const { reason } = this
    const why =
      reason._tag === "Invalid"
        ? reason.issue
        : reason._tag === "NotJson"
          ? `${reason.path} is or holds ${reason.found}`
          : `its state has ${reason.bytes} bytes, at most ${reason.limit} are allowed`
    return printableLine(`Cannot save a snapshot of ${this.streamId}: ${why}`)
  }
}

/**
 * The store itself failed, for example its connection.
 *
 * @category errors
 * @since 0.1.0
 */
export class SnapshotStoreError extends Data.TaggedError("SnapshotStoreError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  override get message() {
    return `${this.operation} failed: ${rootMessage(this.cause)}`
  }
}

/**
 * A function through which a store runs the waits before its work can begin, such as for a
 * connection: a handler interrupts a snapshot that takes too long, and does not count these waits.
 *
 * @category references
 * @since 0.1.0
 */
export const UncountedWait = Context.Reference<UncountedWait>(
  "@daybook/store/SnapshotStore/UncountedWait",
  { defaultValue: () => (wait) => wait }
)

/**
 * @category types
 * @since 0.1.0
 */
export type UncountedWait = <A, E, R>(wait: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Selects the snapshot of a stream to load; by default the newest of all.
 *
 * @category types
 * @since 0.1.0
 */
export interface LoadOptions {
  /** Only snapshots of this fold. */
  readonly fingerprint?: FoldFingerprint | undefined
  /** Only snapshots at this revision or below. */
  readonly atOrBelow?: Revision | undefined
}

/**
 * The number of other folds on a stream whose snapshots `prune` keeps: the folds with the newest
 * ones. There is one during the deployment of a new release, and more where aggregates share their
 * streams.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_OTHER_FOLDS = 3

/**
 * Snapshots of streams.
 *
 * @category services
 * @since 0.1.0
 */
export class SnapshotStore extends Context.Service<
  SnapshotStore,
  {
    /** Loads the newest snapshot of the stream that matches `options`. */
    readonly load: (
      streamId: StreamId,
      options?: LoadOptions
    ) => Effect.Effect<Option.Option<Snapshot>, SnapshotStoreError>

    /** Stores the snapshot, and replaces one at the same revision. */
    readonly save: (snapshot: Snapshot) => Effect.Effect<void, SnapshotRefused | SnapshotStoreError>

    /**
     * Deletes older snapshots of the stream of `snapshot`, which was just saved and always stays.
     *
     * **Details**
     * The newest `keep` snapshots of its fold stay, and as many of each of the
     * {@link MAX_OTHER_FOLDS} other folds with the newest snapshots. `keep` is a whole number, 1 or
     * more.
     */
    readonly prune: (
      snapshot: Pick<Snapshot, "streamId" | "revision" | "fingerprint">,
      keep: number
    ) => Effect.Effect<void, SnapshotStoreError>

    /** Deletes the snapshots of the stream, or only the one with the given revision and event. */
    readonly delete: (
      streamId: StreamId,
      only?: Pick<Snapshot, "revision" | "event">
    ) => Effect.Effect<void, SnapshotStoreError>
  }
>()("@daybook/store/SnapshotStore") {}
