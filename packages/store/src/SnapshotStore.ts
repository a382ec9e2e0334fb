/**
 * States kept for later, so that a long stream need not be folded from its first event: the port that
 * every snapshot store implements.
 *
 * A snapshot is disposable. It is a shortcut that the command handler checks before it takes it, so
 * deleting any of them, or all, changes no answer.
 *
 * Rules that every store keeps, checked by `SnapshotStoreSuite` of `@daybook/testing`:
 *
 * 1. What was saved is loaded as it was, or its saving is refused.
 * 2. A revision of a stream has one snapshot: the one that was saved last.
 * 3. `load` gives the newest of those that are asked for.
 * 4. `prune` keeps the newest of each fold, of a bounded number of folds, and the one it is told of.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import { EventId } from "@daybook/kernel/EventId"
import { Revision } from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { FoldFingerprint } from "./FoldFingerprint.ts"
import { rootMessage } from "./internal/start/rootMessage.ts"
import { NotJson } from "./NotJson.ts"

/**
 * The largest state: bytes of its JSON text in UTF-8, 16 MiB less 1 KiB.
 *
 * **Details**
 * PostgreSQL sends a snapshot as one message, of which the client reads 16 MiB; besides the state it holds the address and the
 * lengths of the columns, some hundred bytes.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_STATE_BYTES = 16_777_216 - 1_024

/**
 * The state that a fold left at a revision of a stream.
 *
 * **Details**
 * `revision`: from 1 to 2^31 - 1. `eventId`: that of the event at this revision, which tells whether
 * the stream is still the one that was folded. `fingerprint`: of the fold. `state`: in the JSON form of
 * its schema.
 *
 * @category types
 * @since 0.1.0
 */
export const Snapshot = Schema.Struct({
  streamId: StreamId,
  revision: Revision.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })),
  eventId: EventId,
  fingerprint: FoldFingerprint,
  state: Schema.Json
})

/**
 * @category types
 * @since 0.1.0
 */
export type Snapshot = typeof Snapshot.Type

/**
 * The snapshot can't be kept as it is: nothing was saved.
 *
 * @category errors
 * @since 0.1.0
 */
export class SnapshotRefused extends Schema.TaggedError<SnapshotRefused>()("SnapshotRefused", {
  /** As it was given, which may be no stream id. */
  streamId: Schema.String,
  reason: Schema.TaggedUnion({
    Invalid: { issue: Schema.String },
    /** `path` leads to the value, such as `state.lines.0.price`. */
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
    return printableLine(`Snapshot of ${this.streamId} refused: ${why}`)
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
 * A store passes to it what it waits for before it can begin, such as a connection: a handler gives up a
 * snapshot that takes too long, and does not count that.
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
 * Which snapshot of a stream to load; the newest of all, unless said otherwise.
 *
 * @category types
 * @since 0.1.0
 */
export interface LoadOptions {
  /** Only of this fold. */
  readonly fingerprint?: FoldFingerprint | undefined
  /** Only at this revision or below. */
  readonly atOrBelow?: Revision | undefined
}

/**
 * Of how many other folds on a stream `prune` keeps snapshots: those with the newest ones. There is one
 * while a new release rolls out, and more where aggregates share their streams.
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
    /** The newest snapshot of the stream among those that `options` ask for. */
    readonly load: (
      streamId: StreamId,
      options?: LoadOptions
    ) => Effect.Effect<Option.Option<Snapshot>, SnapshotStoreError>

    /** Keeps the snapshot, in place of one at the same revision. */
    readonly save: (snapshot: Snapshot) => Effect.Effect<void, SnapshotRefused | SnapshotStoreError>

    /**
     * Deletes older snapshots of the stream of `snapshot`, which was just saved and stays in any case.
     *
     * **Details**
     * Of its fold the newest `keep` are left, a whole number, 1 or more; and likewise of each of the
     * {@link MAX_OTHER_FOLDS} other folds that have the newest ones.
     */
    readonly prune: (
      snapshot: Pick<Snapshot, "streamId" | "revision" | "fingerprint">,
      keep: number
    ) => Effect.Effect<void, SnapshotStoreError>

    /** Deletes the snapshots of the stream; only that of a revision and event if one is given. */
    readonly delete: (
      streamId: StreamId,
      only?: Pick<Snapshot, "revision" | "eventId">
    ) => Effect.Effect<void, SnapshotStoreError>
  }
>()("@daybook/store/SnapshotStore") {}
