/**
 * Reads the log backwards for events that match, at a bounded cost.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Searched } from "../Answer.ts"
import { MAX_SEARCHED } from "../InspectorApi.ts"
import { MAX_ANSWER_BYTES } from "./eventLines.ts"

export interface Found<Kept> {
  /** The kept parts of the matching events, newest first. */
  readonly kept: ReadonlyArray<Kept>
  readonly searched: Searched
  /** The position below which the search goes on; undefined at the beginning of the log. */
  readonly next: Position.Position | undefined
}

interface Options<Kept> {
  /** Reads only events below it. */
  readonly below?: Position.Position | undefined
  /** Reads only events above it. */
  readonly above?: Position.Position | undefined
  /** Returns what to keep of an event that matches; the event itself is not held. */
  readonly keep: (event: RecordedEvent) => Kept | undefined
  /** The most matching events. */
  readonly limit: number
  /** Returns the bytes of what was kept, for answers that hold data of events. */
  readonly bytesOf?: (kept: Kept) => number
}

export const searchLog = Effect.fnUntraced(function* <Kept>(
  store: EventStore["Service"],
  { above, below, bytesOf = () => 0, keep, limit }: Options<Kept>
): Effect.fn.Return<Found<Kept>, EventStoreError> {
  const begun = yield* Clock.currentTimeMillis
  const kept: Array<Kept> = []
  let bytes = 0
  let last: Pick<RecordedEvent, "position" | "recordedAt"> | undefined
  let read = 0
  const isFull = () => kept.length >= limit || bytes >= MAX_ANSWER_BYTES
  if (below !== Position.start) {
    yield* store
      .readAll({
        direction: "backward",
        limit: MAX_SEARCHED,
        ...(below === undefined ? {} : { upTo: Position.make(below - 1n) }),
        ...(above === undefined ? {} : { after: above })
      })
      .pipe(
        Stream.runForEachWhile((event) =>
          Effect.sync(() => {
            last = { position: event.position, recordedAt: event.recordedAt }
            read += 1
            const one = keep(event)
            if (one !== undefined) {
              kept.push(one)
              bytes += bytesOf(one)
            }
            return !isFull()
          })
        ),
        Effect.catchTag("InvalidReadOption", Effect.die)
      )
  }
  const isWhole = last === undefined || (!isFull() && read < MAX_SEARCHED)
  const next = isWhole ? undefined : last?.position
  return {
    kept,
    next,
    searched: {
      events: read,
      millis: (yield* Clock.currentTimeMillis) - begun,
      ...(next === undefined ? {} : { below: next }),
      ...(last === undefined ? {} : { since: last.recordedAt })
    }
  }
})
