/**
 * A log that ends at a limit of events or time, for folds of unknown length.
 */
import { EventStore, type ReadError } from "@daybook/store/EventStore"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** The most events of a fold, and the longest time for it. */
export interface Bounds {
  readonly maxEvents: number
  readonly maxMillis: number
}

/** The progress of a fold. */
export interface Reading {
  events: number
  /** The last event that was read. */
  last: RecordedEvent | undefined
  /** True if a limit ended it. */
  ended: boolean
  readonly begun: number
}

/** Runs a fold on the log up to the bounds, and tells how far it went. */
export const bounded = <A, E, R>(
  store: EventStore["Service"],
  { maxEvents, maxMillis }: Bounds,
  fold: (reading: Readonly<Reading>) => Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, Readonly<Reading>], E, Exclude<R, EventStore>> =>
  Effect.gen(function* () {
    const reading: Reading = {
      events: 0,
      last: undefined,
      ended: false,
      begun: yield* Clock.currentTimeMillis
    }
    const counted = (events: Stream.Stream<RecordedEvent, ReadError>) =>
      Stream.chunks(events).pipe(
        Stream.mapEffect((chunk) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            const left = now - reading.begun > maxMillis ? 0 : maxEvents - reading.events
            const taken = chunk.slice(0, left)
            reading.ended = taken.length < chunk.length
            reading.events += taken.length
            reading.last = taken.at(-1) ?? reading.last
            return taken
          })
        ),
        Stream.takeUntil(() => reading.ended),
        Stream.filter(Arr.isArrayNonEmpty),
        Stream.flattenArray
      )
    const answer = yield* Effect.provideService(
      fold(reading),
      EventStore,
      EventStore.of({
        ...store,
        read: (streamId, options) => counted(store.read(streamId, options)),
        readAll: (options) => counted(store.readAll(options))
      })
    )
    return [answer, reading] as const
  })
