/**
 * Hands the events of a page out to the lanes of their keys.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Effect from "effect/Effect"
import type { Page } from "../../ConsumerGroups.ts"
import type { Lanes } from "./lanes.ts"
import type { Releasing } from "./release.ts"

/** Hands out the events, or only those that are left of them, as there is room for them. */
export const hand = Effect.fnUntraced(function* <R>(
  { assignment, handing, held }: Releasing<R>,
  lanes: Lanes,
  { checkpoint, events }: Page,
  left?: ReadonlySet<RecordedEvent>
) {
  for (let from = 0; from < events.length;) {
    yield* lanes.room.await
    const room = Math.max(1, lanes.roomUnsafe())
    yield* handing.withPermit(
      Effect.sync(() => {
        for (const event of events.slice(from, from + room)) {
          const isOver = left !== undefined && !left.has(event)
          const keys = isOver ? [] : assignment.keysOf(event)
          const due = keys.filter((key) => !held.waitsUnsafe(key, event))
          if (due.length === 0) lanes.passUnsafe(event)
          else lanes.putUnsafe(due, event)
          held.passedUnsafe(event.position)
        }
      })
    )
    from += room
  }
  held.passedUnsafe(checkpoint.position)
  lanes.passUnsafe(checkpoint)
})
