/**
 * Stores that show a handler one mistake with snapshots or cached states: each law about these must
 * notice each mistake.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import type { FoldFingerprint } from "@daybook/store/FoldFingerprint"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

const changedLoad = (
  change: (store: SnapshotStore["Service"], events: EventStore["Service"]) => Load
) =>
  Layer.effect(
    SnapshotStore,
    Effect.gen(function* () {
      const store = yield* SnapshotStore
      return SnapshotStore.of({ ...store, load: change(store, yield* EventStore) })
    })
  )

type Load = SnapshotStore["Service"]["load"]

/** Takes a state for the one after the next event. */
export const offByOne = changedLoad((store, events) =>
  Effect.fnUntraced(function* (streamId, { atOrBelow, ...options } = {}) {
    const below = atOrBelow === undefined ? undefined : Revision.make(Math.max(atOrBelow - 1, 0))
    const loaded = yield* store.load(streamId, { ...options, atOrBelow: below })
    if (Option.isNone(loaded)) return loaded
    const next = Revision.make(loaded.value.revision + 1)
    const event = yield* Effect.orDie(
      Stream.runHead(events.read(streamId, { from: next, to: next }))
    )
    return Option.map(event, (found) => ({
      ...loaded.value,
      revision: found.revision,
      event: EventMark.of(found)
    }))
  })
)

/** Accepts the states of every fold as its own. */
export const fingerprintIgnored = (fingerprint: FoldFingerprint) =>
  changedLoad(
    (store) =>
      (streamId, { atOrBelow } = {}) =>
        Effect.map(
          store.load(streamId, { atOrBelow }),
          Option.map((snapshot) => ({ ...snapshot, fingerprint }))
        )
  )

/**
 * Does not check that the stream has the event that a snapshot ends with; another may be in its
 * place.
 */
export const unfoundedAccepted = Layer.effectContext(
  Effect.gen(function* () {
    const events = yield* EventStore
    const store = yield* SnapshotStore
    const found = new Map<StreamId, { revision: Revision.Revision; event: EventMark.EventMark }>()
    const eventStore = EventStore.of({
      ...events,
      read: (streamId, options) => {
        const end = found.get(streamId)
        const event = Stream.take(events.read(streamId), 1)
        return end === undefined || end.revision !== options?.from
          ? events.read(streamId, options)
          : Stream.concat(
              Stream.map(event, (first) => ({
                ...first,
                revision: end.revision,
                id: EventMark.eventId(end.event),
                recordedAt: DateTime.makeUnsafe(EventMark.recordedAt(end.event))
              })),
              Stream.filter(
                events.read(streamId, options),
                ({ revision }) => revision > end.revision
              )
            )
      }
    })
    const snapshotStore = SnapshotStore.of({
      ...store,
      load: (streamId, options) =>
        Effect.tap(store.load(streamId, options), (loaded) =>
          Effect.sync(() =>
            Option.match(loaded, {
              onNone: () => found.delete(streamId),
              onSome: (snapshot) => found.set(streamId, snapshot)
            })
          )
        )
    })
    return Layer.mergeAll(
      Layer.succeed(EventStore, eventStore),
      Layer.succeed(SnapshotStore, snapshotStore)
    )
  }).pipe(Effect.flatMap(Layer.build))
)

const changedEvents = (change: (events: EventStore["Service"]) => Partial<EventStore["Service"]>) =>
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (events) => EventStore.of({ ...events, ...change(events) }))
  )

/** Searches for a command's id only in the events that it folds. */
export const commandsForgotten = changedEvents(() => ({ find: () => Effect.succeed([]) }))

/** Assumes that the stream has no events after the state that it knows. */
export const cacheTrusted = changedEvents((events) => ({
  read: (streamId, options) => {
    const from = options?.from ?? Revision.make(1)
    return events.read(streamId, from > 1 ? { ...options, to: from } : options)
  }
}))

/** Answers an append with the position before its last event's. */
export const earlierPositions = Layer.effect(
  EventStore,
  Effect.map(EventStore, (store) =>
    EventStore.of({
      ...store,
      append: (append) =>
        Effect.map(store.append(append), (appended) => ({
          ...appended,
          position: Position.make(appended.position - 1n)
        }))
    })
  )
)
