/**
 * The append-only log: the port that every store implements, its types, errors and limits.
 *
 * Rules that every store keeps, checked by `EventStoreSuite` of `@daybook/testing`:
 *
 * 1. Revisions of a stream are 1..n without gaps; positions strictly increase along a stream.
 * 2. Of appends that race with the same exact expectation one wins; all or none of an append is seen.
 * 3. What was acknowledged is there; what was refused is not.
 * 4. Who has read up to position p never later finds a new event at or below p.
 * 5. Repeating an append with the same event ids changes nothing and gives the first answer.
 * 6. JSON comes back as it went in, or is refused.
 * 7. A subscriber sees every event that matches, once, in position order, recorded or still to come.
 * 8. A checkpoint is of one history of one log: one that does not fit is refused wherever it is used.
 * 9. All events of an append have one `recordedAt`, and all of an `appendAll`; along a stream it never goes back.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import { EventId } from "@daybook/kernel/EventId"
import type { LogId } from "@daybook/kernel/LogId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { Position } from "@daybook/kernel/Position"
import { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Revision } from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Checkpoint, CheckpointMismatch } from "./Checkpoint.ts"
import { describeUnmet, ExpectedRevision, Unmet } from "./ExpectedRevision.ts"
import type { ReadAllOptions, ReadOptions } from "./ReadOptions.ts"
import { rootMessage } from "./internal/start/rootMessage.ts"
import type { Overloaded } from "./Overloaded.ts"
import * as RefusalReason from "./RefusalReason.ts"
import type { StreamFacts, StreamsOptions } from "./StreamFacts.ts"
import type { Backlog, BacklogOptions, SubscribeOptions, SubscriptionPage } from "./Subscription.ts"

/**
 * The most events in one append, and in all the appends of one `appendAll` together.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_EVENTS = 1_000

/**
 * The most streams that one `appendAll` names, to write or to check.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_STREAMS = 1_000

/**
 * The largest `data` of an event: bytes of its JSON text in UTF-8 (1 MiB).
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_DATA_BYTES = 1_048_576

/**
 * The largest `metadata` of an event: bytes of its JSON text in UTF-8 (64 KiB).
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_METADATA_BYTES = 65_536

/**
 * The largest append, and `appendAll`: bytes of the JSON texts of all its events in UTF-8 (16 MiB).
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_APPEND_BYTES = 16_777_216

/**
 * How deep arrays and objects of `data` and `metadata` may nest.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_JSON_DEPTH = 128

/**
 * How many of the events in between a `WrongExpectedRevision` carries.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_BETWEEN = 100

/**
 * The largest `between` of a `WrongExpectedRevision`: bytes of the JSON texts of its events in UTF-8 (2 MiB).
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_BETWEEN_BYTES = 2_097_152

/**
 * The last revision that a stream can have.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_REVISION = 2_147_483_647

/**
 * One append: `events` at the end of `streamId`, if the stream is as `expected`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Append {
  readonly streamId: StreamId
  readonly expected: ExpectedRevision
  /**
   * The id of the event at the revision of `Exactly`. Another event there is a `WrongExpectedRevision` with nothing in between.
   * With another expectation the append is refused: `InvalidExpected`.
   */
  readonly lastEventId?: EventId | undefined
  /** 1 to {@link MAX_EVENTS}, their ids distinct. */
  readonly events: Arr.NonEmptyReadonlyArray<NewEvent>
}

/**
 * The revision and position of the last event of an append; `repeated`: it was recorded before.
 *
 * @category types
 * @since 0.1.0
 */
export interface Appended {
  readonly revision: Revision
  readonly position: Position
  readonly repeated: boolean
}

/**
 * A stream that `appendAll` checks and does not write.
 *
 * @category types
 * @since 0.1.0
 */
export interface Check {
  readonly streamId: StreamId
  readonly expected: ExpectedRevision
}

/**
 * Another writer won: the stream is not as expected, and nothing was written.
 *
 * **Details**
 * `between`: what is recorded past the expected revision, oldest first, at most {@link MAX_BETWEEN} and
 * {@link MAX_BETWEEN_BYTES}, but one at least; past revision 0 for `NoStream`. Evolve by them and decide again. It is empty in
 * three cases, in which the stream is to be read: for `Exists`, for a stream that is shorter than expected, and for one that has
 * another event than `lastEventId` at the expected revision.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongExpectedRevision extends Schema.TaggedError<WrongExpectedRevision>()(
  "WrongExpectedRevision",
  {
    streamId: StreamId,
    expected: ExpectedRevision,
    actual: Revision,
    between: Schema.Array(RecordedEvent),
    /** The place of the stream in the call: of `appends` and then `checks`, counted from 0. */
    place: Schema.Int.pipe(Schema.withConstructorDefault(Effect.succeed(0))),
    /** The further streams of an `appendAll` that are not as expected, in the order of their places. */
    others: Schema.Array(Unmet).pipe(Schema.withConstructorDefault(Effect.succeed([])))
  }
) {
  override get message(): string {
    return [this, ...this.others].map(describeUnmet).join("; ")
  }
}

/**
 * Where an event is recorded.
 *
 * @category types
 * @since 0.1.0
 */
export const EventAddress = Schema.Struct({
  eventId: EventId,
  streamId: StreamId,
  revision: Revision
})

/**
 * @category types
 * @since 0.1.0
 */
export type EventAddress = typeof EventAddress.Type

/**
 * Some ids of an append to `streamId` are `recorded` already, but not as it: nothing was written.
 *
 * **Details**
 * Of an `appendAll`, `streamId` is the first such stream, and `recorded` has those of all its appends, in their order.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventIdConflict extends Schema.TaggedError<EventIdConflict>()("EventIdConflict", {
  streamId: StreamId,
  recorded: Schema.Array(EventAddress)
}) {
  override get message() {
    const list = this.recorded.map((r) => `${r.eventId} at revision ${r.revision} of ${r.streamId}`)
    return printableLine(
      `Event ids of an append to ${this.streamId} are recorded already: ${list.join(", ")}`
    )
  }
}

/**
 * The append breaks the rules that hold for every store: nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class AppendRefused extends Schema.TaggedError<AppendRefused>()("AppendRefused", {
  /** As it was given, which may be no stream id. */
  streamId: Schema.String,
  reason: RefusalReason.RefusalReason
}) {
  override get message() {
    return printableLine(
      `Append to ${this.streamId} refused: ${RefusalReason.describe(this.reason)}`
    )
  }
}

/**
 * An option of a reading operation is out of its range.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidReadOption extends Schema.TaggedError<InvalidReadOption>()(
  "InvalidReadOption",
  { option: Schema.String, value: Schema.String, allowed: Schema.String }
) {
  override get message() {
    return printableLine(`${this.option} is ${this.value}, allowed is ${this.allowed}`)
  }
}

/**
 * The store itself failed, for example its connection. An append may or may not have happened:
 * repeat it with the same event ids.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventStoreError extends Data.TaggedError("EventStoreError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  override get message() {
    return `${this.operation} failed: ${rootMessage(this.cause)}`
  }
}

/**
 * Why nothing was appended; after an `EventStoreError` it may have been all the same.
 *
 * @category errors
 * @since 0.1.0
 */
export type AppendError =
  | WrongExpectedRevision
  | EventIdConflict
  | AppendRefused
  | Overloaded
  | EventStoreError

/**
 * Why reading ended early.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReadError = InvalidReadOption | EventStoreError

/**
 * An append-only log of events in streams.
 *
 * @category services
 * @since 0.1.0
 */
export class EventStore extends Context.Service<
  EventStore,
  {
    /**
     * Appends `events` to `streamId`, all or none.
     *
     * **Details**
     * Repeating it: when its ids are those of one append to that stream, all of them in their order, it
     * succeeds with its first revision and position and writes nothing, whatever it expects.
     * Errors: `WrongExpectedRevision`, another writer won; `EventIdConflict`, ids are taken;
     * `AppendRefused`, it breaks a limit. Nothing was written in any of these.
     */
    readonly append: (append: Append) => Effect.Effect<Appended, AppendError>

    /**
     * Appends to several streams and checks others, all or none.
     *
     * **Details**
     * Shape: no stream twice; at most {@link MAX_STREAMS} streams and {@link MAX_EVENTS} events. The answers are in the
     * order of `appends`. Repeating it succeeds when every append of it is recorded already.
     */
    readonly appendAll: (options: {
      readonly appends: Arr.NonEmptyReadonlyArray<Append>
      readonly checks?: ReadonlyArray<Check> | undefined
    }) => Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, AppendError>

    /**
     * The events of a stream, in bounded memory; none when the stream isn't there.
     *
     * **Details**
     * At least what was recorded when the reading began, in one piece up to some revision.
     * `until` cuts the whole stream, not only the part from `from` on.
     */
    readonly read: (
      streamId: StreamId,
      options?: ReadOptions
    ) => Stream.Stream<RecordedEvent, ReadError>

    /**
     * The settled events of the log in position order, in bounded memory, up to what was settled
     * when the reading began.
     *
     * **Details**
     * Settled: no append in flight can still put an event at or below that position.
     */
    readonly readAll: (options?: ReadAllOptions) => Stream.Stream<RecordedEvent, ReadError>

    /**
     * The settled events after a position, then those that are appended while it runs; it never ends.
     *
     * **Details**
     * Each matching event once, in position order. It reads on when its consumer does. A lost
     * connection is taken up again; it fails with what repeating can't mend.
     * Errors: `CheckpointMismatch`, `after` is past the head or of another history; also when the log is restored later.
     */
    readonly subscribe: (
      options?: SubscribeOptions
    ) => Stream.Stream<RecordedEvent, ReadError | CheckpointMismatch>

    /** The same in pages, each with the checkpoint up to which all was given. */
    readonly subscribePages: (
      options?: SubscribeOptions
    ) => Stream.Stream<SubscriptionPage, ReadError | CheckpointMismatch>

    /** The position up to which the log is settled, at the same cost however long the log is. */
    readonly head: Effect.Effect<Position, EventStoreError>

    /** The largest settled position p such that every event up to p was recorded at or before the instant. */
    readonly positionAt: (at: {
      readonly recordedAt: DateTime.Utc
    }) => Effect.Effect<Position, ReadError>

    /** The streams of the log in the order of their ids' code points, read from indexes and not from the log. */
    readonly streams: (options?: StreamsOptions) => Stream.Stream<StreamFacts, ReadError>

    /** The same of one stream; none when the stream isn't there. */
    readonly stream: (streamId: StreamId) => Effect.Effect<Option.Option<StreamFacts>, ReadError>

    /** The settled events that `subscribe` with these options would give at once, counted, not read. */
    readonly backlog: (options?: BacklogOptions) => Effect.Effect<Backlog, ReadError>

    /** The id of the log, drawn once when the log was made. */
    readonly identity: Effect.Effect<LogId, EventStoreError>

    /** The settled end of the log as a checkpoint: a subscription from it gives what is appended from now on. */
    readonly checkpoint: Effect.Effect<Checkpoint, EventStoreError>

    /** Fails unless the checkpoint, or the bare position, is of this log's history. */
    readonly verify: (
      given: Position | Checkpoint
    ) => Effect.Effect<void, CheckpointMismatch | EventStoreError>

    /** Where events of these ids are recorded, in the order of `ids`; those that aren't are left out. */
    readonly find: (
      ids: ReadonlyArray<EventId>
    ) => Effect.Effect<ReadonlyArray<EventAddress>, ReadError>

    /** Whether what is appended now can still be undone by its caller, who has a transaction open. */
    readonly inTransaction: Effect.Effect<boolean>
  }
>()("@daybook/store/EventStore") {}
