/**
 * Finds the rows that events touch before they are recorded.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { Append } from "@daybook/store/EventStore"
import type { StoredKey } from "../../ReadModelTable.ts"
import { type AnyModel, prepare, touchedKeys } from "./rowFold.ts"

/**
 * Returns the keys of the rows that the appends touch; fewer if an event can't be folded, which the
 * fold reports again when the event is recorded.
 */
export const keysToTouch = (
  model: AnyModel,
  appends: ReadonlyArray<Append>
): ReadonlyArray<StoredKey> => {
  const { poison, prepared } = prepare(
    model,
    appends.flatMap(({ events, streamId }) =>
      events.map((event): RecordedEvent => ({
        ...event,
        ...unnumbered,
        streamId,
        recordedAt: event.occurredAt
      }))
    ),
    none
  )
  return touchedKeys({ poison, prepared })
}

const none: ReadonlySet<EventId> = new Set()

/** Placeholders for numbers that only the log gives; `keys` gets an `PendingEvent` without them. */
const unnumbered = { revision: Revision.make(1), position: Position.make(1n) }
