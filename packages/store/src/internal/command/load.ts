/**
 * Folds a stream from the nearest known state, and proves what a decision on it needs.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { EventDecodeError } from "@daybook/kernel/EventCodec"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as EventMark from "@daybook/kernel/EventMark"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { EventStore, EventStoreError, WrongExpectedRevision, Until } from "../../EventStore.ts"
import * as Paged from "../driver/paged.ts"
import type { Snapshots } from "../snapshot/snapshots.ts"
import type { StateCache } from "./cache.ts"
import { eventId } from "./eventId.ts"
import {
  beginFold,
  evolveBy,
  type FoldProgress,
  initial,
  type KnownState,
  type LoadedStream,
  type Watched
} from "./fold.ts"
import * as Metrics from "./metrics.ts"

/** The stream lacks the last event of a known state: it has fewer events, or others. */
class NotInStream extends Data.TaggedError("NotInStream")<{
  readonly reason: "beyond" | "foreign"
}> {}

export interface LoadOptions {
  /** Commands to look for in the folded events. */
  readonly watched?: Watched
  readonly to?: Revision.Revision
  /** Only events at lower positions. */
  readonly before?: Position
  readonly until?: Until
  /** If true, a cached state may be returned as it is, without reading later events. */
  readonly unread?: boolean
}

type LoadError = EventDecodeError | EventStoreError

const NONE: Watched = new Map()

export const make = (options: {
  readonly store: EventStore["Service"]
  /** Undefined when states are not cached. */
  readonly cache: StateCache | undefined
  readonly snapshots: Snapshots
}) => {
  const { cache, snapshots, store } = options

  /**
   * Continues a fold with the events after it.
   *
   * Its last event is read again and must have the same mark: the log may have been
   * restored from a backup since, with fewer events, or with others in their place.
   */
  const catchUp = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    progress: FoldProgress<State, Event>,
    { before, to, until }: LoadOptions = {}
  ): Effect.Effect<void, LoadError | NotInStream> =>
    Effect.suspend(() => {
      let expected = progress.event
      const fold = (
        recorded: ReadonlyArray<RecordedEvent>
      ): Result.Result<void, EventDecodeError | NotInStream> => {
        const [first] = recorded
        if (expected !== undefined && first !== undefined) {
          if (EventMark.of(first) !== expected) {
            return Result.fail(new NotInStream({ reason: "foreign" }))
          }
          progress.position = first.position
          expected = undefined
          return evolveBy(aggregate, progress, recorded.slice(1))
        }
        return evolveBy(aggregate, progress, recorded)
      }
      const from = Revision.make(Math.max(progress.revision, 1))
      const all = store.read(progress.streamId, { from, to, until })
      const read =
        before === undefined ? all : Stream.takeWhile(all, ({ position }) => position < before)
      return Paged.forEachPage(read, (recorded) => {
        const folded = fold(recorded)
        return Result.isFailure(folded)
          ? Effect.fail(folded.failure)
          : Metrics.loadedEvents({ category: aggregate.category }, recorded.length)
      }).pipe(
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
  const foldAll = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: LoadOptions
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> =>
    Effect.suspend(() => {
      const progress = beginFold<State, Event>(
        streamId,
        options.watched ?? NONE,
        initial(aggregate)
      )
      // A read from the start expects no event, so it can't fail with `NotInStream`.
      return Effect.as(
        Effect.catchTag(catchUp(aggregate, progress, options), "NotInStream", Effect.die),
        { progress, current: true, complete: true }
      )
    })

  const open = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: LoadOptions
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> =>
    Effect.suspend(() => {
      const { to, until, unread = false, watched = NONE } = options
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
                ? foldAndCompare(aggregate, streamId, options, cached)
                : Effect.succeed({
                    progress: beginFold<State, Event>(streamId, watched, cached),
                    current: false,
                    complete: watched.size === 0
                  })
            )
      )
    })

  /**
   * Folds the whole stream, and compares a known state on the way. So the answer is right even if
   * the known state was not, and the stream was checked before anything is decided.
   */
  const foldAndCompare = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: LoadOptions,
    known: KnownState<State>
  ): Effect.fn.Return<LoadedStream<State, Event>, LoadError> {
    const { event, revision, snapshotRevision } = known
    // The initial state can't be wrong.
    if (revision === Revision.empty) return yield* foldAll(aggregate, streamId, options)
    const folded = yield* foldAll<Command, State, Event, Rejection>(aggregate, streamId, {
      ...options,
      to: revision
    })
    // A state of another history is not wrong, only useless, so it is not reported.
    const isOfStream = folded.progress.revision === revision && folded.progress.event === event
    const isRight =
      isOfStream && (yield* snapshots.check(aggregate, streamId, known, folded.progress.state))
    if (!isRight) cache?.remove(streamId)
    const progress: FoldProgress<State, Event> = isRight
      ? { ...folded.progress, snapshotRevision }
      : folded.progress
    return yield* Effect.as(catchUp(aggregate, progress, options), {
      progress,
      current: true,
      complete: true
    }).pipe(Effect.catchTag("NotInStream", () => foldAll(aggregate, streamId, options)))
  })

  /**
   * Folds from the cached state, else from the newest snapshot that fits the stream, else from the
   * start.
   */
  const fold = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: LoadOptions,
    cached: KnownState<State> | undefined
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> =>
    cached === undefined
      ? foldFromSnapshot<Command, State, Event, Rejection>(aggregate, streamId, options, options.to)
      : foldFrom<Command, State, Event, Rejection>(aggregate, streamId, options, cached).pipe(
          Effect.catchTag("NotInStream", () => {
            cache?.remove(streamId)
            return foldFromSnapshot<Command, State, Event, Rejection>(
              aggregate,
              streamId,
              options,
              options.to
            )
          })
        )

  const foldFromSnapshot = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: LoadOptions,
    atOrBelow: Revision.Revision | undefined
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> =>
    Effect.flatMap(snapshots.find(aggregate, streamId, atOrBelow), (snapshot) => {
      if (snapshot === undefined) return foldAll(aggregate, streamId, options)
      const { category } = aggregate
      return foldFrom<Command, State, Event, Rejection>(
        aggregate,
        streamId,
        options,
        snapshot,
        Metrics.snapshotsUsed({ category })
      ).pipe(
        Effect.catchTag("NotInStream", ({ reason }) =>
          Metrics.snapshotsIgnored({ category, reason }).pipe(
            Effect.andThen(snapshots.discard(streamId, snapshot)),
            Effect.andThen(
              foldFromSnapshot<Command, State, Event, Rejection>(
                aggregate,
                streamId,
                options,
                Revision.make(snapshot.revision - 1)
              )
            )
          )
        )
      )
    })

  /** Folds from a known state, `used` if it is not drawn to be checked. */
  const foldFrom = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    options: LoadOptions,
    known: KnownState<State>,
    used: Effect.Effect<void> = Effect.void
  ): Effect.Effect<LoadedStream<State, Event>, LoadError | NotInStream> =>
    Effect.suspend(() => {
      const { watched = NONE } = options
      const progress = beginFold<State, Event>(streamId, watched, known)
      return catchUp(aggregate, progress, options).pipe(
        Effect.andThen(snapshots.isSampled),
        Effect.flatMap((isSampled) =>
          isSampled
            ? foldAndCompare<Command, State, Event, Rejection>(aggregate, streamId, options, known)
            : Effect.as(used, { progress, current: true, complete: watched.size === 0 })
        )
      )
    })

  /** Proves that a loaded stream is current or complete, by reading what it lacks. */
  const prove = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    loaded: LoadedStream<State, Event>,
    lacking: "current" | "complete"
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> =>
    lacking === "current" ? refresh(aggregate, loaded) : complete(aggregate, loaded)

  /** Folds a stream to its current end, or from its start if its fold no longer fits. */
  const refresh = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    loaded: LoadedStream<State, Event>
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> => {
    const { streamId, watched } = loaded.progress
    return Effect.as(catchUp(aggregate, loaded.progress), { ...loaded, current: true }).pipe(
      Effect.catchTag("NotInStream", () => {
        cache?.remove(streamId)
        return foldAll(aggregate, streamId, { watched })
      })
    )
  }

  /**
   * Looks the watched commands up, each by the id of its first event, and folds the whole stream if
   * one was executed on it.
   */
  const complete = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    loaded: LoadedStream<State, Event>
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> => {
    const { streamId, watched } = loaded.progress
    return Effect.flatMap(isRecorded([loaded.progress]), (isKnown) =>
      isKnown
        ? foldAll(aggregate, streamId, { watched })
        : Effect.succeed({ ...loaded, complete: true })
    )
  }

  /** Looks for a watched command in the log, by the ids of their first events. */
  const isRecorded = (
    streams: ReadonlyArray<Pick<FoldProgress<unknown, unknown>, "streamId" | "watched">>
  ): Effect.Effect<boolean, EventStoreError> => {
    const ids = new Map(
      streams.flatMap(({ streamId, watched }) =>
        [...watched.values()].flat().map((namespace) => [eventId(namespace, streamId, 0), streamId])
      )
    )
    return store.find([...ids.keys()]).pipe(
      // `eventId` returns valid ids.
      Effect.catchTag("InvalidReadOption", Effect.die),
      Effect.map((found) => found.some(({ eventId, streamId }) => ids.get(eventId) === streamId))
    )
  }

  /**
   * Folds the events in between that a conflict carries, so that deciding again rarely needs a
   * read, and reads on where they don't reach the end of the stream.
   */
  const follow = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    loaded: LoadedStream<State, Event>,
    { actual, between }: WrongExpectedRevision
  ): Effect.Effect<LoadedStream<State, Event>, LoadError> =>
    Effect.suspend(() => {
      const { progress } = loaded
      if (actual > progress.revision) {
        const evolved = evolveBy(aggregate, progress, between)
        if (Result.isFailure(evolved)) return Effect.fail(evolved.failure)
      }
      // Without events in between, the known state may be of another history.
      return between.length > 0 && progress.revision === actual
        ? Effect.succeed({ ...loaded, current: true })
        : refresh(aggregate, loaded)
    })

  /**
   * Caches a state for the next opening, and considers a snapshot if the stream was `appended` to.
   */
  const remember = <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    known: KnownState<State>,
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

  return { open, foldAll, prove, isRecorded, follow, remember, forget }
}

export type Load = ReturnType<typeof make>
