/**
 * The driver of an event store: the part that keeps the log; for authors of stores.
 *
 * A driver appends, reads pages and says what is settled. `EventStoreService.make` does around it
 * everything that is the same for all stores: checks of arguments, JSON, limits, spans and metrics,
 * the operation in errors, pages that become streams, reading ahead, and the loop of subscriptions.
 *
 * @since 0.1.0
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { EventId } from "@daybook/kernel/EventId"
import type { LogId } from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import type { PendingEvent } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { Category, StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Checkpoint, CheckpointMismatch } from "../Checkpoint.ts"
import type {
  Appended,
  AppendError,
  EventAddress,
  EventStoreError,
  StreamFacts,
  UnreadableEvent
} from "../EventStore.ts"
import type { ExpectedRevision } from "../ExpectedRevision.ts"
import type { BacklogOptions, SubscribeOptions, SubscriptionPage } from "../Subscription.ts"
import type { WakeUps } from "./WakeUps.ts"

/**
 * An event as stores write it: JSON as text, the instant in milliseconds since the Unix epoch.
 *
 * @category types
 * @since 0.1.0
 */
export interface WrittenEvent {
  readonly id: EventId
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly metadata: string
  readonly occurredAt: number
}

/**
 * An encoded append, or a check when it has no events.
 *
 * @category types
 * @since 0.1.0
 */
export interface EncodedAppend {
  readonly streamId: StreamId
  readonly expected: ExpectedRevision
  /** The event at the expected revision, if it must be compared. */
  readonly lastEvent?: EventMark | undefined
  readonly events: ReadonlyArray<WrittenEvent>
}

/**
 * Both ends of a read, inclusive, and its direction.
 *
 * @category types
 * @since 0.1.0
 */
export interface Range<Place> {
  /** At most `highest`. */
  readonly lowest: Place
  readonly highest: Place
  readonly direction: "forward" | "backward"
  /**
   * The most events to return, 1 or more. A driver may return fewer, as many as a page holds.
   * `EventStoreService` passes up to `Number.MAX_SAFE_INTEGER`, and `highest` up to `MAX_REVISION`
   * for a stream: a driver bounds its own pages, and must not bind the limit as a 32-bit number.
   */
  readonly limit: number
}

/**
 * The first matching events of a range, in its direction.
 *
 * @category types
 * @since 0.1.0
 */
export interface Page<Place> {
  readonly events: ReadonlyArray<RecordedEvent>
  /**
   * The place in the range up to which the page has all matching events, itself included. The end
   * of the range if there are no more; otherwise the place of the last event, or a later one that
   * the search has reached.
   */
  readonly readTo: Place
}

/**
 * Reads the pages of one reader, each from a statement of its own.
 *
 * @category types
 * @since 0.1.0
 */
export type ReadPage<Place, E> = (range: Range<Place>) => Effect.Effect<Page<Place>, E>

/**
 * Selects events of the log.
 *
 * @category types
 * @since 0.1.0
 */
export interface LogFilter {
  /** Only streams of these categories; not empty. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Only events of these types; not empty. */
  readonly types?: ReadonlyArray<string> | undefined
}

/**
 * Selects events of a stream.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamFilter {
  readonly streamId: StreamId
  /** Only events of these types; not empty. */
  readonly types?: ReadonlyArray<string> | undefined
}

/**
 * Selects streams to list.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamSelection {
  /** Only streams whose id begins with this text, which may be empty. */
  readonly prefix: string
  /** Only streams after this one, by code points. */
  readonly after: StreamId | undefined
  /** The most streams to return. */
  readonly limit: number
}

/**
 * The end of a log, and the origin of a position in it.
 *
 * @category types
 * @since 0.1.0
 */
export interface Origin {
  readonly log: LogId
  /** No append in flight can still add an event at or below it. */
  readonly settled: Position
  /** The highest position that an append may have by now; at least `settled`. */
  readonly newest: Position
  /** The last event at or below `settled`. */
  readonly settledEvent: EventMark | null
  /** The last event at or below the given position. */
  readonly givenEvent: EventMark | null
}

/**
 * A stream with the mark of its last event, or of its last event up to a revision.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamEnd extends StreamFacts {
  readonly event: EventMark
}

/**
 * The bound of a prefix of a stream: up to a position, or before the first event that is later.
 *
 * @category types
 * @since 0.1.0
 */
export type AsOf =
  | { readonly _tag: "Position"; readonly position: Position }
  | { readonly _tag: "RecordedAt"; readonly millis: number }
  | { readonly _tag: "OccurredAt"; readonly millis: number }

/**
 * Selects the events of a subscription, apart from its position.
 *
 * @category types
 * @since 0.1.0
 */
export type Filter = Omit<SubscribeOptions, "after">

/**
 * The part of a log after a position that a store returns at once.
 *
 * @category types
 * @since 0.1.0
 */
export interface Poll {
  readonly events: SubscriptionPage["events"]
  /** The end of the page; undefined while the log is not settled up to its start. */
  readonly checkpoint: Checkpoint | undefined
  /** True if the page reached the end of the settled log. */
  readonly caughtUp: boolean
  /** True if an append in flight holds back later events. */
  readonly blockedByOpenAppend: boolean
}

/**
 * A number of events.
 *
 * @category types
 * @since 0.1.0
 */
export interface Counted {
  readonly events: number
  /** The time when the earliest of them was recorded, in milliseconds. */
  readonly since: number | undefined
}

/**
 * The reads from which the others are derived.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reads<E> {
  /**
   * Returns the number of the term. It changes before reads are answered by another server, whose
   * history may differ; absent where one history answers all of them.
   */
  readonly term?: (() => number) | undefined

  /**
   * Reads, as of one instant, the end of the log and the origin of `position`, which need not be
   * one of an event.
   */
  readonly origin: (position: Position) => Effect.Effect<Origin, E>

  /**
   * Reads events of the log in the order of their positions. It is called once for a reader, so
   * that it may remember from page to page. The range ends at a settled position.
   */
  readonly log: (filter: LogFilter) => ReadPage<Position, E>

  /**
   * Reads events of one stream in the order of their revisions, like `log`. A range may end after
   * the last event, and is then read to its end, without waiting for more. Without types, a range
   * of one revision must be cheap.
   */
  readonly stream: (filter: StreamFilter) => ReadPage<Revision, E>

  /** Reads the end of a stream, or of its part up to a revision; undefined without an event. */
  readonly end: (streamId: StreamId, upTo?: Revision) => Effect.Effect<StreamEnd | undefined, E>

  /**
   * Finds the last revision up to `upTo` that is as of a bound, 0 if none is. By default positions
   * and times of recording are halved, since they never go back along a stream, and events are read
   * until one occurred later.
   */
  readonly revisionAsOf?:
    | ((streamId: StreamId, upTo: Revision, bound: AsOf) => Effect.Effect<Revision, E>)
    | undefined
}

/**
 * Work that commits in the transaction of the appends that it belongs to, for authors of stores
 * that wrap another one. `Prepared` is made once for each append, before it waits for its call.
 *
 * @category types
 * @since 0.1.0
 */
export interface AppendHook<Prepared> {
  readonly prepare: (events: ReadonlyArray<PendingEvent>) => Prepared
  /**
   * Begins a call. The function that it returns is called with one append after the other, and
   * returns false for the first one that the hook can't take into the call; the first one always
   * fits.
   */
  readonly fitting: () => (prepared: Prepared) => boolean
  /**
   * Runs the write of a call and the work of the hook in one transaction. It may run the write
   * again after the transaction was rolled back.
   *
   * **Details**
   * An `EventStoreError` means that nothing was written, unless a lost connection caused it. If it
   * concerns one append of several, each append is repeated in a call of its own.
   */
  readonly around: <A, E>(call: HookedCall<Prepared, A, E>) => Effect.Effect<A, E | EventStoreError>
}

/**
 * A call that writes appends, for {@link AppendHook}.
 *
 * @category types
 * @since 0.1.0
 */
export interface HookedCall<Prepared, A, E> {
  readonly appends: Arr.NonEmptyReadonlyArray<Prepared>
  readonly write: Effect.Effect<A, E>
  /** Returns the events that the write recorded, in the order of their positions. */
  readonly recorded: (answer: A) => ReadonlyArray<RecordedEvent>
  /**
   * `briefly`: other appends wait behind this call, so it must not wait long for any lock. After a
   * lock timeout its appends are repeated `patiently`, each in a call of its own. The first call of
   * an append waits briefly even if it has no other append.
   */
  readonly waits: "briefly" | "patiently"
}

/**
 * The part of a store that keeps the log. `E` is its failures: the service fails with an
 * `EventStoreError` that has the operation and this cause. An `EventStoreError` is passed on.
 *
 * **Details**
 * Arguments are checked before they get here: ids, counts, sizes and JSON are within the limits of
 * `EventStore`, numbers are whole and in their ranges.
 *
 * @category types
 * @since 0.1.0
 */
export interface EventStoreDriver<E> extends Reads<E> {
  /** The value of the attribute `store` in metrics. */
  readonly name: string

  /**
   * Records all events or none, in one step: between the checks and the write no other append to
   * these streams may get in. Answers the appends in their order, without the checks.
   *
   * **Details**
   * It owes the rules 1 to 5 and 9 of `EventStore`; `AppendRules` decides them for a store with
   * synchronous lookups. At least one append has events, and no stream is named twice. It wakes the
   * subscribers of `wakeUps`, also when its caller is interrupted.
   */
  readonly append: (
    appends: Arr.NonEmptyReadonlyArray<EncodedAppend>
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, E | AppendError>

  /** Records a single append, for a store that has a faster way to do it; by default `append`. */
  readonly appendOne?:
    | ((append: EncodedAppend) => Effect.Effect<Appended, E | AppendError>)
    | undefined

  /**
   * Makes the function that records single appends with the work of a hook, several in one
   * transaction; for a store with transactions. The service refuses callers with a transaction
   * open.
   */
  readonly appendWith?:
    | (<Prepared>(
        hook: AppendHook<Prepared>
      ) => Effect.Effect<
        (append: EncodedAppend) => Effect.Effect<Appended, E | AppendError>,
        never,
        Scope.Scope
      >)
    | undefined

  /**
   * Returns the settled position, once it includes all appends that were acknowledged before the
   * call, at least those up to `upTo`.
   */
  readonly settled: (upTo?: Position) => Effect.Effect<Position, E>

  /** Returns the addresses of the events with these ids, in their order; others are left out. */
  readonly find: (ids: ReadonlyArray<EventId>) => Effect.Effect<ReadonlyArray<EventAddress>, E>

  /** Lists streams by the code points of their ids, which is the order of their UTF-8. */
  readonly streams: (selection: StreamSelection) => Effect.Effect<ReadonlyArray<StreamFacts>, E>

  readonly wakeUps: WakeUps

  /**
   * The id of the log; by default that of `origin`, which fails where the end of the log can't be
   * read.
   */
  readonly identity?: Effect.Effect<LogId, E> | undefined

  /**
   * Makes the polls of one subscription; by default those of `Polls.makeShared`, or of `Polls.make`
   * if `readsAhead` is false. A store whose reads may fail for a time wraps them to repeat whole
   * polls.
   */
  readonly polls?:
    | ((
        filter: Filter
      ) => (
        after: Position | Checkpoint
      ) => Effect.Effect<Poll, E | CheckpointMismatch | UnreadableEvent>)
    | undefined

  /**
   * Finds the position before the first event up to `settled` that was recorded after the instant,
   * or `settled`. By default the log is read up to that event.
   */
  readonly positionAsOf?:
    | ((settled: Position, instant: DateTime.Utc) => Effect.Effect<Position, E>)
    | undefined

  /**
   * Counts the matching events up to `settled`, of a stream up to its end; no more than
   * `MAX_BACKLOG` are asked for. By default they are read.
   */
  readonly count?:
    | ((options: BacklogOptions, settled: Position) => Effect.Effect<Counted, E>)
    | undefined

  /** True if the caller has a transaction open; by default false. */
  readonly inTransaction?: Effect.Effect<boolean> | undefined

  /**
   * False if reads are synchronous, so that reading ahead and sharing reads gain nothing; by
   * default true.
   */
  readonly readsAhead?: boolean | undefined
}
