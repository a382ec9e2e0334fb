/**
 * The append-only log: the port that every store implements, its types, errors and limits.
 *
 * Rules of every store, checked by `EventStoreLaws` of `@daybook/testing`:
 *
 * 1. Revisions of a stream are 1..n without gaps; positions strictly increase along a stream.
 * 2. One of several racing appends with the same exact expectation wins; all or none of an append
 *    is visible.
 * 3. An acknowledged append is in the log; a refused one is not.
 * 4. After a read up to position p, no new event appears at or below p.
 * 5. Repeating an append with the same event ids changes nothing and returns the first answer.
 * 6. JSON is read as it was written, or refused.
 * 7. A subscriber gets every matching event once, in position order, past and future ones.
 * 8. A checkpoint belongs to one history of one log: every use of one that does not fit is refused.
 * 9. All events of an `append` or `appendAll` have one `recordedAt`; along a stream it never
 *    decreases.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import { printableLine } from "@daybook/kernel/Printable"
import { EventId } from "@daybook/kernel/EventId"
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { Position } from "@daybook/kernel/Position"
import { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Revision } from "@daybook/kernel/Revision"
import { type Category, StreamId } from "@daybook/kernel/StreamId"
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
import { rootMessage } from "./internal/start/rootMessage.ts"
import type { Overloaded } from "./Overloaded.ts"
import type { Backlog, BacklogOptions, SubscribeOptions, SubscriptionPage } from "./Subscription.ts"

/**
 * The maximum number of events in one append, and in all appends of one `appendAll` together.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_EVENTS = 1_000

/**
 * The maximum number of streams that one `appendAll` writes and checks.
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
 * The largest append or `appendAll`: bytes of the JSON texts of all its events in UTF-8 (16 MiB).
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_APPEND_BYTES = 16_777_216

/**
 * The maximum nesting depth of arrays and objects in `data` and `metadata`.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_JSON_DEPTH = 128

/**
 * The maximum number of events in the `between` of a `WrongExpectedRevision`.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_BETWEEN = 100

/**
 * The largest `between` of a `WrongExpectedRevision`: bytes of the JSON texts of its events in
 * UTF-8 (2 MiB).
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
   * The mark of the event at the revision of `Exactly`. If another event is there, the append fails
   * with `WrongExpectedRevision` and an empty `between`. Any other expectation is refused:
   * `InvalidExpected`.
   */
  readonly lastEvent?: EventMark | undefined
  /** 1 to {@link MAX_EVENTS}, their ids distinct. */
  readonly events: Arr.NonEmptyReadonlyArray<NewEvent>
}

/**
 * The revision and position of the last event of an append, and the time of all its events.
 *
 * @category types
 * @since 0.1.0
 */
export interface Appended {
  readonly revision: Revision
  readonly position: Position
  /** The `recordedAt` of its events. */
  readonly recordedAt: DateTime.Utc
  /** True when the append was recorded before, so this call wrote nothing. */
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
 * An instant that ends a read of a stream: at the first event, in revision order, that is later.
 *
 * @category types
 * @since 0.1.0
 */
export type Until =
  | { readonly occurredAt: DateTime.Utc; readonly recordedAt?: never }
  | { readonly recordedAt: DateTime.Utc; readonly occurredAt?: never }

/**
 * Selects the events of a stream to read; by default all, oldest first.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadOptions {
  /** The lowest revision, inclusive, in either direction. */
  readonly from?: Revision | undefined
  /** The highest revision, inclusive, in either direction. */
  readonly to?: Revision | undefined
  readonly direction?: "forward" | "backward" | undefined
  /** Only events of these types. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  /** At most this many matching events: a whole number, 0 or more. */
  readonly limit?: number | undefined
  readonly until?: Until | undefined
}

/**
 * Selects the events of the log to read; by default all, oldest first.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadAllOptions {
  /** Only positions above this one, in either direction. */
  readonly after?: Position | undefined
  /** Only positions up to this one, inclusive, in either direction. */
  readonly upTo?: Position | undefined
  /**
   * Only positions above and up to those as of these instants, see `positionAt`: consecutive
   * windows share no event and miss none.
   */
  readonly recordedAt?:
    | { readonly after?: DateTime.Utc | undefined; readonly upTo?: DateTime.Utc | undefined }
    | undefined
  /** Only streams of these categories. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Only events of these types. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  readonly direction?: "forward" | "backward" | undefined
  /** At most this many matching events: a whole number, 0 or more. */
  readonly limit?: number | undefined
}

/**
 * A stream with the position and the times of its last event.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamFacts {
  readonly streamId: StreamId
  /** The revision of the last event, which is the number of events. */
  readonly revision: Revision
  /** The position of the last event. */
  readonly position: Position
  /** The time at which the last event occurred. */
  readonly occurredAt: DateTime.Utc
  /** The time at which the last event was recorded. */
  readonly recordedAt: DateTime.Utc
}

/**
 * Selects the streams to list; by default all.
 *
 * **Details**
 * To list page by page, pass the last stream of a page as `after` of the next.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamsOptions {
  /** Only streams of this category. */
  readonly category?: Category | undefined
  /** Only streams whose id begins with this text, such as `order-2026-`. */
  readonly prefix?: string | undefined
  /** Only streams that sort after this one, which need not exist. */
  readonly after?: StreamId | undefined
  /** At most this many streams: a whole number, 0 or more. */
  readonly limit?: number | undefined
}

/**
 * Another writer won: the stream is not as expected, and nothing was written.
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
    /**
     * The events after the expected revision (after 0 for `NoStream`), oldest first, at most
     * {@link MAX_BETWEEN} and {@link MAX_BETWEEN_BYTES}, but at least one. Evolve by them and
     * decide again. Empty in three cases, in which the caller must read the stream: for `Exists`,
     * for a stream that is shorter than expected, and for one whose event at the expected revision
     * is not `lastEvent`.
     */
    between: Schema.Array(RecordedEvent),
    /** The index of the stream in the call: among `appends` and then `checks`, from 0. */
    place: Schema.Int.pipe(Schema.withConstructorDefault(Effect.succeed(0))),
    /** The other streams of an `appendAll` that are not as expected, ordered by `place`. */
    others: Schema.Array(Unmet).pipe(Schema.withConstructorDefault(Effect.succeed([])))
  }
) {
  override get message(): string {
    return [this, ...this.others].map(describeUnmet).join("; ")
  }
}

/**
 * The stream and revision of a recorded event.
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
export type EventAddress = Named.Struct<typeof EventAddress>

/**
 * Some event ids of an append are already recorded by a different append: nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventIdConflict extends Schema.TaggedError<EventIdConflict>()("EventIdConflict", {
  /** The stream of the append; the first such stream of an `appendAll`. */
  streamId: StreamId,
  /** The ids that are recorded, of all appends of an `appendAll`, in their order. */
  recorded: Schema.Array(EventAddress)
}) {
  override get message() {
    const list = this.recorded.map((r) => `${r.eventId} at revision ${r.revision} of ${r.streamId}`)
    return printableLine(
      `Cannot append to ${this.streamId}: event ids are recorded already: ${list.join(", ")}`
    )
  }
}

/**
 * A value that JSON of events and states must not hold, since no store could return it unchanged.
 *
 * @category types
 * @since 0.1.0
 */
export const NotJson = Schema.Literals([
  "undefined",
  "function",
  "symbol",
  "bigint",
  "NaN",
  "Infinity",
  "-0",
  "an integer past 2^53 - 1",
  "a lone surrogate",
  "U+0000",
  "an object that is not plain",
  "a sparse array",
  "deeper nesting than allowed"
])

/**
 * @category types
 * @since 0.1.0
 */
export type NotJson = typeof NotJson.Type

/**
 * The reason why an append was refused. `index` counts events from 0.
 *
 * @category types
 * @since 0.1.0
 */
export const RefusalReason = Schema.TaggedUnion({
  NoEvents: {},
  /** The `appendAll` has only checks. */
  NoAppends: {},
  TooManyEvents: { count: Schema.Int, limit: Schema.Int },
  RepeatedEventId: { index: Schema.Int, eventId: Schema.String },
  InvalidStreamId: { issue: Schema.String },
  InvalidExpected: { issue: Schema.String },
  TooManyStreams: { count: Schema.Int, limit: Schema.Int },
  /** The `appendAll` names the stream twice. */
  RepeatedStream: {},
  /** A command id is not a lower-case UUID. `index` counts the commands of a call from 0. */
  InvalidCommandId: { index: Schema.Int },
  InvalidField: { index: Schema.Int, field: Schema.String, issue: Schema.String },
  /** A value is not JSON. `path` leads to it, such as `data.lines.0.price`. */
  NotJson: { index: Schema.Int, path: Schema.String, found: NotJson },
  TooLarge: {
    index: Schema.Int,
    field: Schema.Literals(["data", "metadata"]),
    bytes: Schema.Int,
    limit: Schema.Int
  },
  /** The events up to `index`, counting all streams of the call, exceed the bytes of one append. */
  AppendTooLarge: { index: Schema.Int, bytes: Schema.Int, limit: Schema.Int },
  /**
   * The stream is at the revision `actual` and has no room for `count` more events: continue in
   * another stream.
   */
  StreamFull: { actual: Schema.Int, count: Schema.Int, limit: Schema.Int },
  /** The caller's transaction has a fixed snapshot: its isolation level is not READ COMMITTED. */
  WrongIsolation: { found: Schema.String, needed: Schema.String }
})

/**
 * @category types
 * @since 0.1.0
 */
export type RefusalReason = Named.Union<typeof RefusalReason>

/** Returns the reason in words, with its numbers. */
const describeRefusal = (reason: RefusalReason): string =>
  RefusalReason.match(reason, {
    NoEvents: () => "it has no events",
    NoAppends: () => "the call has no appends",
    TooManyEvents: ({ count, limit }) => `${count} events, at most ${limit} are allowed`,
    RepeatedEventId: ({ eventId, index }) => `event ${index} repeats the id ${eventId}`,
    InvalidStreamId: ({ issue }) => issue,
    InvalidExpected: ({ issue }) => `its expected revision is ${issue}`,
    TooManyStreams: ({ count, limit }) => `${count} streams, at most ${limit} are allowed`,
    RepeatedStream: () => "the stream is named twice",
    InvalidCommandId: ({ index }) => `the id of command ${index} is not a lower-case UUID`,
    InvalidField: ({ field, index, issue }) => `${field} of event ${index}: ${issue}`,
    NotJson: ({ found, index, path }) => `${path} of event ${index} is or holds ${found}`,
    TooLarge: ({ bytes, field, index, limit }) =>
      `${field} of event ${index} has ${bytes} bytes, at most ${limit} are allowed`,
    AppendTooLarge: ({ bytes, index, limit }) =>
      `with event ${index} it has ${bytes} bytes, at most ${limit} are allowed`,
    StreamFull: ({ actual, count, limit }) =>
      `the stream is at revision ${actual} and ends at ${limit}, which leaves no room for ${count} more`,
    WrongIsolation: ({ found, needed }) =>
      `the transaction around it is ${found}, and an append needs ${needed}`
  })

/**
 * The append breaks the rules that hold for every store: nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class AppendRefused extends Schema.TaggedError<AppendRefused>()("AppendRefused", {
  /** The given id, which may be invalid. */
  streamId: Schema.String,
  reason: RefusalReason
}) {
  override get message() {
    return printableLine(`Cannot append to ${this.streamId}: ${describeRefusal(this.reason)}`)
  }
}

/**
 * A row can't be decoded as an event, so its reader stops there: the `cause` of an
 * `EventStoreError`.
 *
 * **Details**
 * A database that only Daybook's functions write to holds no such row. The address is as stored.
 * `PostgresPassOver` makes readers pass over the event.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableEvent extends Data.TaggedError("UnreadableEvent")<{
  readonly position: bigint
  readonly eventId: string
  readonly streamId: string
  readonly revision: number
  readonly issue: string
}> {
  override get message() {
    return (
      `Cannot read event ${this.eventId} at position ${this.position}, revision ${this.revision} ` +
      `of ${JSON.stringify(this.streamId.slice(0, 300))}: ${this.issue}`
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
 * The store itself failed, for example its connection. An append may have been written: repeat it
 * with the same event ids.
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
 * The errors of an append. Nothing was written, except perhaps after an `EventStoreError`.
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
 * The errors that end a read early.
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
     * Repetition: if its event ids are exactly those of one earlier append to that stream, in their
     * order, it returns the first revision, position and `recordedAt` and writes nothing, whatever
     * it expects.
     * Errors: `WrongExpectedRevision`, another writer won; `EventIdConflict`, ids are taken;
     * `AppendRefused`, it breaks a limit. Nothing was written in any of these.
     */
    readonly append: (append: Append) => Effect.Effect<Appended, AppendError>

    /**
     * Appends to several streams and checks others, all or none.
     *
     * **Details**
     * Shape: no stream twice; at most {@link MAX_STREAMS} streams and {@link MAX_EVENTS} events.
     * The answers are in the order of `appends`. A repetition succeeds when all its appends are
     * recorded.
     */
    readonly appendAll: (options: {
      readonly appends: Arr.NonEmptyReadonlyArray<Append>
      readonly checks?: ReadonlyArray<Check> | undefined
    }) => Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, AppendError>

    /**
     * Reads the events of a stream, in bounded memory; none when the stream does not exist.
     *
     * **Details**
     * Includes at least all events recorded when the read began, without gaps up to some revision.
     * `until` applies to the whole stream, not only to the part from `from` on.
     */
    readonly read: (
      streamId: StreamId,
      options?: ReadOptions
    ) => Stream.Stream<RecordedEvent, ReadError>

    /**
     * Reads the settled events of the log in position order, in bounded memory, up to the position
     * that was settled when the read began.
     *
     * **Details**
     * Settled: no append in flight can still add an event at or below that position.
     */
    readonly readAll: (options?: ReadAllOptions) => Stream.Stream<RecordedEvent, ReadError>

    /**
     * Reads the settled events after a position, then those that are appended while it runs; never
     * ends.
     *
     * **Details**
     * Emits each matching event once, in position order, at the pace of its consumer. It reconnects
     * after a lost connection, and fails only on errors that a retry can't fix.
     * Subscriptions of one store may emit the same event objects: do not change them.
     * Errors: `CheckpointMismatch`, `after` is past the head or of another history; also when the
     * log is restored later.
     */
    readonly subscribe: (
      options?: SubscribeOptions
    ) => Stream.Stream<RecordedEvent, ReadError | CheckpointMismatch>

    /** Does the same in pages, each with the checkpoint up to which all events were emitted. */
    readonly subscribePages: (
      options?: SubscribeOptions
    ) => Stream.Stream<SubscriptionPage, ReadError | CheckpointMismatch>

    /**
     * Returns the position up to which the log is settled; the cost does not depend on its length.
     */
    readonly head: Effect.Effect<Position, EventStoreError>

    /** Returns the largest settled position up to which all events were recorded by the instant. */
    readonly positionAt: (at: {
      readonly recordedAt: DateTime.Utc
    }) => Effect.Effect<Position, ReadError>

    /**
     * Lists the streams of the log by the code points of their ids, from indexes, not the events.
     */
    readonly streams: (options?: StreamsOptions) => Stream.Stream<StreamFacts, ReadError>

    /** Returns the facts of one stream; none when the stream does not exist. */
    readonly stream: (streamId: StreamId) => Effect.Effect<Option.Option<StreamFacts>, ReadError>

    /** Counts the settled events that `subscribe` with these options would emit at once. */
    readonly backlog: (options?: BacklogOptions) => Effect.Effect<Backlog, ReadError>

    /** The id of the log, drawn once when the log was created. */
    readonly identity: Effect.Effect<LogId, EventStoreError>

    /** The head as a checkpoint: a subscription from it emits the events appended from now on. */
    readonly checkpoint: Effect.Effect<Checkpoint, EventStoreError>

    /** Fails unless the checkpoint, or the bare position, belongs to this log's history. */
    readonly verify: (
      given: Position | Checkpoint
    ) => Effect.Effect<void, CheckpointMismatch | EventStoreError>

    /**
     * Returns the addresses of the events with these ids, in their order, without unrecorded ones.
     */
    readonly find: (
      ids: ReadonlyArray<EventId>
    ) => Effect.Effect<ReadonlyArray<EventAddress>, ReadError>

    /** True if the caller has a transaction open, so that an append could still be rolled back. */
    readonly inTransaction: Effect.Effect<boolean>
  }
>()("@daybook/store/EventStore") {}
