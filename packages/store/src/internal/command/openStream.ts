/**
 * Folds a stream to its current end, from the nearest known state.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import type { EventDecodeError } from "@daybook/kernel/EventCodec"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as EventMark from "@daybook/kernel/EventMark"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { EventStore, EventStoreError } from "../../EventStore.ts"
import type { Until } from "../../ReadOptions.ts"
import { begin, type Cursor, evolveBy, type Known, nothing } from "./decision.ts"
import * as Metrics from "./handlerMetrics.ts"
import type { Snapshots } from "../snapshot/snapshots.ts"
import type { StateCache } from "./stateCache.ts"

/** The stream lacks the last event of a known state: it has fewer events, or others. */
class NotInStream extends Data.TaggedError("NotInStream")<{
  readonly reason: "beyond" | "foreign"
}> {}

export interface OpenOptions {
  /** Commands to look for in the folded events. */
  readonly watched?: ReadonlyArray<CommandId>
  readonly to?: Revision.Revision
  readonly until?: Until
  /** If true, a cached state may be returned as it is, without reading later events. */
  readonly unread?: boolean
}

/**
 * A folded stream.
 */
export interface Opened<State, Event> {
  readonly cursor: Cursor<State, Event>
  /** True if this opening read the log up to the end of the stream. */
  readonly read: boolean
  /** True if the fold began at the first event, and so saw every command. */
  readonly whole: boolean
}

type OpenError = EventDecodeError | EventStoreError

export const make = (options: {
  readonly store: EventStore["Service"]
  /** Undefined when states are not cached. */
  readonly cache: StateCache | undefined
  readonly snapshots: Snapshots
}) => {
  const { cache, snapshots, store } = options

  /**
   * Folds the events after the cursor into it.
   *
   * The cursor's last event is read again and must have the same mark: the log may have been restored
   * from a backup since, with fewer events, or with others in their place.
   */
  const catchUp = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    cursor: Cursor<State, Event>,
    { to, until }: OpenOptions = {}
  ): Effect.Effect<void, OpenError | NotInStream> =>
    Effect.suspend(() => {
      let expected = cursor.event
      const fold = (
        recorded: ReadonlyArray<RecordedEvent>
      ): Result.Result<void, EventDecodeError | NotInStream> => {
        const [first] = recorded
        if (expected !== undefined && first !== undefined) {
          if (EventMark.of(first) !== expected) {
            return Result.fail(new NotInStream({ reason: "foreign" }))
          }
          cursor.position = first.position
        }
        const fresh = expected === undefined ? recorded : recorded.slice(1)
        expected = undefined
        return evolveBy(aggregate, cursor, fresh)
      }
      const from = Revision.make(Math.max(cursor.revision, 1))
      return store.read(cursor.streamId, { from, to, until }).pipe(
        Stream.runForEachArray((recorded) =>
          Effect.andThen(
            Effect.suspend(() => Effect.fromResult(fold(recorded))),
            Metrics.loadedEvents({ category: aggregate.category }, recorded.length)
          )
        ),
        // The options above are built here, within their ranges.
        Effect.catchTag("InvalidReadOption", Effect.die),
        Effect.andThen(
          Effect.suspend(() =>
            expected === undefined ? Effect.void : new NotInStream({ reason: "beyond" })
          )
        )
      )
    })

  /** Folds the whole stream from its first event. */
  const foldAll = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: OpenOptions
  ): Effect.fn.Return<Opened<State, Event>, OpenError> {
    const cursor = begin<State, Event>(streamId, options.watched ?? [], nothing(aggregate))
    // A read from the start expects no event, so it can't fail with `NotInStream`.
    yield* Effect.catchTag(catchUp(aggregate, cursor, options), "NotInStream", Effect.die)
    return { cursor, read: true, whole: true }
  })

  const open = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: OpenOptions
  ): Effect.Effect<Opened<State, Event>, OpenError> =>
    Effect.suspend(() => {
      const { to, until, unread = false, watched = [] } = options
      // A known state has no time: it may be from after the instant.
      if (until !== undefined) return foldAll(aggregate, streamId, options)
      const newest = cache?.get(aggregate, streamId)
      const cached =
        newest === undefined || newest.revision > (to ?? newest.revision) ? undefined : newest
      if (cache === undefined) return fold(aggregate, streamId, options, undefined)
      return Effect.andThen(
        Metrics.cacheLookups({
          category: aggregate.category,
          outcome: cached === undefined ? "miss" : "hit"
        }),
        cached === undefined || !unread
          ? fold(aggregate, streamId, options, cached)
          : Effect.flatMap(snapshots.isSampled, (isSampled) =>
              isSampled
                ? prove(aggregate, streamId, options, cached)
                : Effect.succeed({
                    cursor: begin<State, Event>(streamId, watched, cached),
                    read: false,
                    whole: false
                  })
            )
      )
    })

  /**
   * Folds the whole stream, and compares a known state on the way. So the answer is right even if
   * the known state was not, and the stream was checked before anything is decided.
   */
  const prove = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: OpenOptions,
    known: Known<State>
  ): Effect.fn.Return<Opened<State, Event>, OpenError> {
    const { event, revision, snapshotRevision } = known
    // The initial state can't be wrong.
    if (revision === Revision.empty) return yield* foldAll(aggregate, streamId, options)
    const folded = yield* foldAll<Command, State, Event, Rejection>(aggregate, streamId, {
      ...options,
      to: revision
    })
    // A state of another history is not wrong, only useless, so it is not reported.
    const isOfStream = folded.cursor.revision === revision && folded.cursor.event === event
    const isRight =
      isOfStream && (yield* snapshots.check(aggregate, streamId, known, folded.cursor.state))
    if (!isRight) cache?.remove(streamId)
    const cursor: Cursor<State, Event> = isRight
      ? { ...folded.cursor, snapshotRevision }
      : folded.cursor
    return yield* Effect.as(catchUp(aggregate, cursor, options), {
      cursor,
      read: true,
      whole: true
    }).pipe(Effect.catchTag("NotInStream", () => foldAll(aggregate, streamId, options)))
  })

  /**
   * Folds from the cached state, else from the newest snapshot that fits the stream, else from the
   * start.
   */
  const fold = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: OpenOptions,
    cached: Known<State> | undefined
  ): Effect.fn.Return<Opened<State, Event>, OpenError> {
    const { to, watched = [] } = options
    const { category } = aggregate
    if (cached !== undefined) {
      const cursor = begin<State, Event>(streamId, watched, cached)
      const caughtUp = yield* Effect.result(catchUp(aggregate, cursor, options))
      if (Result.isSuccess(caughtUp)) {
        if (yield* snapshots.isSampled) return yield* prove(aggregate, streamId, options, cached)
        return { cursor, read: true, whole: false }
      }
      if (caughtUp.failure._tag !== "NotInStream") return yield* caughtUp.failure
      cache?.remove(streamId)
    }

    let atOrBelow = to
    while (true) {
      const snapshot: Known<State> | undefined = yield* snapshots.find(
        aggregate,
        streamId,
        atOrBelow
      )
      if (snapshot === undefined) return yield* foldAll(aggregate, streamId, options)
      const cursor = begin<State, Event>(streamId, watched, snapshot)
      const caughtUp = yield* Effect.result(catchUp(aggregate, cursor, options))
      if (Result.isSuccess(caughtUp)) {
        if (yield* snapshots.isSampled) return yield* prove(aggregate, streamId, options, snapshot)
        yield* Metrics.snapshotsUsed({ category })
        return { cursor, read: true, whole: false }
      }
      if (caughtUp.failure._tag !== "NotInStream") return yield* caughtUp.failure
      yield* Metrics.snapshotsIgnored({ category, reason: caughtUp.failure.reason })
      yield* snapshots.discard(streamId, snapshot)
      atOrBelow = Revision.make(snapshot.revision - 1)
    }
  })

  /** Folds an opened stream to its current end, or from its start if the cursor no longer fits. */
  const refresh = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    { cursor, whole }: Opened<State, Event>
  ): Effect.Effect<Opened<State, Event>, OpenError> =>
    Effect.as(catchUp(aggregate, cursor), { cursor, read: true, whole }).pipe(
      Effect.catchTag("NotInStream", () => {
        cache?.remove(cursor.streamId)
        return foldAll(aggregate, cursor.streamId, { watched: Array.from(cursor.watched) })
      })
    )

  /**
   * Caches a state for the next opening, and considers a snapshot if the stream was `appended` to.
   */
  const remember = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: Known<State>,
    appended: boolean
  ): Effect.Effect<void> =>
    Effect.flatMap(store.inTransaction, (isInside) => {
      // The caller may still roll back, so no other command may see this state.
      if (isInside) return Effect.void
      const { event, position, revision, snapshotRevision, state } = known
      return Effect.map(
        appended ? snapshots.consider(aggregate, streamId, known) : Effect.void,
        () =>
          cache?.set(aggregate, streamId, { revision, event, position, state, snapshotRevision })
      )
    })

  /** Removes the cached state of a stream. */
  const forget = (streamId: StreamId): void => cache?.remove(streamId)

  return { open, foldAll, refresh, remember, forget }
}

export type OpenStream = ReturnType<typeof make>
