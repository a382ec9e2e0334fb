/**
 * Hands the events of a page out to the lanes of their keys.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Effect from "effect/Effect"
import type { Page } from "../../ConsumerGroups.ts"
import { keyOf } from "../../ConsumerGroup.ts"
import type { Lanes } from "./lanes.ts"
import type { Releasing } from "./release.ts"

/** Hands out the events, or only those that are left of them, as there is room for them. */
export const hand = Effect.fnUntraced(function* <R>(
  { handing, held, reactor }: Releasing<R>,
  lanes: Lanes,
  { checkpoint, events }: Page,
  left?: ReadonlySet<RecordedEvent>
) {
  const { group } = reactor
  for (let from = 0; from < events.length;) {
    yield* lanes.room.await
    const room = Math.max(1, lanes.roomUnsafe())
    yield* handing.withPermit(
      Effect.sync(() => {
        for (const event of events.slice(from, from + room)) {
          const key = keyOf(group, event)
          const isOver = left !== undefined && !left.has(event)
          if (isOver || held.waitsUnsafe(key, event)) lanes.passUnsafe(event)
          else lanes.putUnsafe(key, event)
        }
      })
    )
    from += room
  }
  held.passedUnsafe(checkpoint.position)
  lanes.passUnsafe(checkpoint)
})
