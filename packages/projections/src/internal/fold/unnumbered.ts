/**
 * Which rows events touch that are not recorded yet.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { Append } from "@daybook/store/EventStore"
import type { StoredKey } from "../../ReadModelTable.ts"
import { type AnyModel, prepare, touchedKeys } from "./rowFold.ts"

/**
 * The keys of the rows that the appends touch; fewer where an event can't be folded: the fold tells so again
 * when it is recorded.
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

/** Stands for what only the log knows; `keys` gets an `Unnumbered` and does not see it. */
const unnumbered = { revision: Revision.make(1), position: Position.make(1n) }
