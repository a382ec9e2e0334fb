/**
 * The streams of a log in memory, so that they can be searched by a part of their id, ordered by
 * their last change, and counted. The store lists them by id alone.
 *
 * It is read from the store's index of streams at the first search, follows the log while
 * it is in use, comes back after an outage of the store, and is given up when it was not used for
 * some minutes.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { StreamId } from "@daybook/kernel/StreamId"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { EventStore, StreamFacts } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import type * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { IndexGap } from "../StreamAnswer.ts"

/** The most streams that are held: some 50 MB. A larger log is searched in part, and says so. */
const MAX_STREAMS = 250_000

/** An order that was made is used for so long, whatever was appended since. */
const FRESH_MILLIS = 1_000

/** While the store fails, it is asked again so often. */
const RETRY_MILLIS = 5_000

/** The first searches wait so long for the streams to be read; then they have those there are. */
const READ_MILLIS = 1_000

export interface Known {
  readonly streamId: StreamId
  readonly revision: StreamFacts["revision"]
  readonly position: StreamFacts["position"]
  readonly occurredAt: DateTime.Utc
  readonly recordedAt: DateTime.Utc
}

export type Order = "change" | "id" | "revision"

/** `complete`, or the reason why the index may lack streams of the log. */
type State = "complete" | IndexGap

export interface StreamIndex {
  /** Returns the streams in an order. */
  readonly ordered: (
    by: Order
  ) => Effect.Effect<{ readonly streams: ReadonlyArray<Known>; readonly state: State }>
}

export const make = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  maxStreams: number = MAX_STREAMS
): Effect.fn.Return<StreamIndex, never, Scope.Scope> {
  /** The streams, those that changed last at the end: sorting them by change is then cheap. */
  const known = new Map<string, Known>()
  const views = new Map<Order, { readonly streams: ReadonlyArray<Known>; readonly at: number }>()
  const read = yield* Deferred.make<void>()
  const begun = yield* Clock.currentTimeMillis
  /** The place up to which `known` has the log; undefined until the streams are read. */
  let after: Checkpoint | undefined
  let isFull = false
  let state: State = "reading"

  const see = (streamId: StreamId, facts: Omit<Known, "streamId">) => {
    const entry = known.get(streamId)
    if (entry === undefined) {
      if (known.size < maxStreams) known.set(streamId, { streamId, ...facts })
      else isFull = true
    } else if (facts.revision > entry.revision) {
      known.delete(streamId)
      known.set(streamId, { streamId, ...facts })
    }
  }

  const isCaughtUp = () => {
    state = isFull ? "too many" : "complete"
  }

  const readStreams = Effect.gen(function* () {
    // The log is followed from before the streams are read, so that none is missed.
    const checkpoint = yield* store.checkpoint
    yield* Stream.runForEachArray(store.streams({ limit: maxStreams + 1 }), (some) =>
      Effect.sync(() => {
        for (const { streamId, ...facts } of some) see(streamId, facts)
      })
    )
    // They were listed by their ids.
    for (const one of Array.from(known.values()).toSorted(comparing.change).reverse()) {
      known.delete(one.streamId)
      known.set(one.streamId, one)
    }
    after = checkpoint
    isCaughtUp()
    yield* Deferred.succeed(read, undefined)
  })

  const readAndFollow = Effect.gen(function* () {
    if (after === undefined) yield* readStreams
    const head = yield* store.head
    if (after !== undefined && after.position >= head) isCaughtUp()
    yield* Stream.runForEach(store.subscribePages({ after }), ({ checkpoint, events }) =>
      Effect.sync(() => {
        for (const event of events) see(event.streamId, factsOf(event))
        after = checkpoint
        // After an outage the streams are behind until the log is read up to its head.
        if (state !== "lost" || checkpoint.position >= head) isCaughtUp()
      })
    )
  }).pipe(
    Effect.tapError((error) => {
      const wasLost = state === "lost"
      state = "lost"
      if (error._tag === "CheckpointMismatch") {
        // The log has another history: its streams are read from the beginning.
        after = undefined
        isFull = false
        known.clear()
        views.clear()
      }
      return wasLost
        ? Effect.void
        : Effect.logWarning("The inspector lost its index of streams, and tries again", error)
    }),
    Effect.retry(Schedule.spaced(RETRY_MILLIS))
  )
  yield* Effect.forkScoped(readAndFollow)

  return {
    ordered: Effect.fnUntraced(function* (by) {
      const left = begun + READ_MILLIS - (yield* Clock.currentTimeMillis)
      if (left > 0) {
        yield* Deferred.await(read).pipe(
          Effect.timeoutOrElse({ duration: left, orElse: () => Effect.void })
        )
      }
      const now = yield* Clock.currentTimeMillis
      const view = views.get(by)
      if (view !== undefined && now - view.at < FRESH_MILLIS) {
        return { streams: view.streams, state }
      }
      const streams = Array.from(known.values()).reverse().toSorted(comparing[by])
      if (state !== "reading") views.set(by, { streams, at: now })
      return { streams, state }
    })
  }
})

const factsOf = ({ occurredAt, position, recordedAt, revision }: RecordedEvent) => ({
  occurredAt,
  position,
  recordedAt,
  revision
})

const byId = (a: Known, b: Known) =>
  a.streamId < b.streamId ? -1 : a.streamId > b.streamId ? 1 : 0

const comparing: Readonly<Record<Order, (a: Known, b: Known) => number>> = {
  change: (a, b) => (a.position < b.position ? 1 : a.position > b.position ? -1 : 0),
  id: byId,
  revision: (a, b) => b.revision - a.revision || byId(a, b)
}
