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

export interface Found {
  /** The matching events, newest first. */
  readonly events: ReadonlyArray<RecordedEvent>
  readonly searched: Searched
  /** The position below which the search goes on; undefined at the beginning of the log. */
  readonly next: Position.Position | undefined
}

interface Options {
  /** Reads only events below it. */
  readonly below?: Position.Position | undefined
  /** Reads only events above it. */
  readonly above?: Position.Position | undefined
  /** Tests an event; one that is taken counts against the limit. */
  readonly takes: (event: RecordedEvent) => boolean
  readonly limit: number
}

export const searchLog = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  { above, below, limit, takes }: Options
): Effect.fn.Return<Found, EventStoreError> {
  const begun = yield* Clock.currentTimeMillis
  const events: Array<RecordedEvent> = []
  let last: RecordedEvent | undefined
  let read = 0
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
            last = event
            read += 1
            if (takes(event)) events.push(event)
            return events.length < limit
          })
        ),
        Effect.catchTag("InvalidReadOption", Effect.die)
      )
  }
  const isWhole = last === undefined || (events.length < limit && read < MAX_SEARCHED)
  const next = isWhole ? undefined : last?.position
  return {
    events,
    next,
    searched: {
      events: read,
      millis: (yield* Clock.currentTimeMillis) - begun,
      ...(next === undefined ? {} : { below: next }),
      ...(last === undefined ? {} : { since: last.recordedAt })
    }
  }
})
