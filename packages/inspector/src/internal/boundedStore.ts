/**
 * A log that ends at a limit of events or time, for folds of unknown length.
 */
import { EventStore, type ReadError } from "@daybook/store/EventStore"
import type * as Position from "@daybook/kernel/Position"
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

/** The events that folds of one request have read, and the time at which the first began. */
export interface Spent {
  events: number
  readonly begun: number
}

/** Begins to count what the folds of a request read: together they stay within the bounds. */
export const begin: Effect.Effect<Spent> = Effect.map(Clock.currentTimeMillis, (begun) => ({
  events: 0,
  begun
}))

/** The progress of a fold. */
interface Reading {
  /** The position of the last event that was read. */
  last: Position.Position | undefined
  /** True if a limit ended it. */
  ended: boolean
}

/** Runs a fold on the log up to the bounds, and tells how far it went. */
export const bounded = <A, E, R>(
  store: EventStore["Service"],
  { maxEvents, maxMillis }: Bounds,
  spent: Spent,
  fold: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, Readonly<Reading>], E, Exclude<R, EventStore>> =>
  Effect.gen(function* () {
    const reading: Reading = { last: undefined, ended: false }
    const counted = (events: Stream.Stream<RecordedEvent, ReadError>) =>
      Stream.chunks(events).pipe(
        Stream.mapEffect((chunk) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            const left = now - spent.begun > maxMillis ? 0 : maxEvents - spent.events
            const taken = chunk.slice(0, left)
            reading.ended = taken.length < chunk.length
            spent.events += taken.length
            reading.last = taken.at(-1)?.position ?? reading.last
            return taken
          })
        ),
        Stream.takeUntil(() => reading.ended),
        Stream.filter(Arr.isArrayNonEmpty),
        Stream.flattenArray
      )
    const answer = yield* Effect.provideService(
      fold,
      EventStore,
      EventStore.of({
        ...store,
        read: (streamId, options) => counted(store.read(streamId, options)),
        readAll: (options) => counted(store.readAll(options))
      })
    )
    return [answer, reading] as const
  })
