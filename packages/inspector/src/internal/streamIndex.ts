/**
 * The streams of a log in memory, so that they can be searched by a part of their id, ordered by
 * their last change, and counted. The store lists them by id alone.
 *
 * It is read from the store's index of streams at the first search, follows the log while
 * it is in use, and is given up when it was not used for some minutes.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { StreamId } from "@daybook/kernel/StreamId"
import type { EventStore, StreamFacts } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import type * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** The most streams that are held: some 50 MB. A larger log is searched in part, and says so. */
const MAX_STREAMS = 250_000

/** An order that was made is used for so long, whatever was appended since. */
const FRESH_MILLIS = 1_000

/** The first searches wait so long for the streams to be read; then they have those there are. */
const READ_MILLIS = 1_000

export interface Known {
  readonly streamId: StreamId
  revision: StreamFacts["revision"]
  position: StreamFacts["position"]
  occurredAt: DateTime.Utc
  recordedAt: DateTime.Utc
}

export type Order = "change" | "id" | "revision"

export interface StreamIndex {
  /** Returns the streams in an order, and whether these are all streams of the log. */
  readonly ordered: (
    by: Order
  ) => Effect.Effect<{ readonly streams: ReadonlyArray<Known>; readonly complete: boolean }>
}

export const make = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  maxStreams: number = MAX_STREAMS
): Effect.fn.Return<StreamIndex, never, Scope.Scope> {
  const known = new Map<string, Known>()
  const views = new Map<Order, { readonly streams: ReadonlyArray<Known>; readonly at: number }>()
  const read = yield* Deferred.make<void>()
  const begun = yield* Clock.currentTimeMillis
  let complete = false

  const see = (streamId: StreamId, facts: Omit<Known, "streamId">) => {
    const entry = known.get(streamId)
    if (entry === undefined) {
      if (known.size < maxStreams) known.set(streamId, { streamId, ...facts })
      else complete = false
    } else if (facts.revision > entry.revision) Object.assign(entry, facts)
  }

  const readAndFollow = Effect.gen(function* () {
    // The log is followed from before the streams are read, so that none is missed.
    const after = yield* store.checkpoint
    complete = true
    yield* Stream.runForEachArray(store.streams({ limit: maxStreams + 1 }), (some) =>
      Effect.sync(() => {
        for (const { streamId, ...facts } of some) see(streamId, facts)
      })
    )
    yield* Deferred.succeed(read, undefined)
    yield* Stream.runForEach(store.subscribePages({ after }), ({ events }) =>
      Effect.sync(() => {
        for (const event of events) see(event.streamId, factsOf(event))
      })
    )
  }).pipe(
    Effect.catch((error) => {
      complete = false
      return Effect.logWarning("The inspector lost its index of streams", error)
    })
  )
  yield* Effect.forkScoped(readAndFollow)

  return {
    ordered: Effect.fnUntraced(function* (by) {
      const left = begun + READ_MILLIS - (yield* Clock.currentTimeMillis)
      const isRead =
        left <= 0
          ? Deferred.isDoneUnsafe(read)
          : yield* Deferred.await(read).pipe(
              Effect.as(true),
              Effect.timeoutOrElse({ duration: left, orElse: () => Effect.succeed(false) })
            )
      const now = yield* Clock.currentTimeMillis
      const view = views.get(by)
      if (view !== undefined && now - view.at < FRESH_MILLIS) {
        return { streams: view.streams, complete: complete && isRead }
      }
      const streams = Array.from(known.values()).toSorted(comparing[by])
      if (isRead) views.set(by, { streams, at: now })
      return { streams, complete: complete && isRead }
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
