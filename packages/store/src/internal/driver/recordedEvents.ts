/**
 * The events of an append as a store returns them, made from its encoded form: before they are
 * numbered, and after.
 */
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { Position } from "@daybook/kernel/Position"
import type { PendingEvent } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type { EncodedAppend } from "../../driver/EventStoreDriver.ts"
import type { Appended } from "../../EventStore.ts"

export const pendingEvents = ({ events, streamId }: EncodedAppend): ReadonlyArray<PendingEvent> =>
  events.map((event) => ({
    id: event.id,
    type: event.type,
    schemaVersion: event.schemaVersion,
    // The texts were encoded from values of the same types.
    data: JSON.parse(event.data) as Schema.Json,
    metadata: JSON.parse(event.metadata) as EventMetadata,
    occurredAt: DateTime.makeUnsafe(event.occurredAt),
    streamId
  }))

/** Returns the events that an append recorded; none for one that was recorded before. */
export const recordedEvents = (
  events: ReadonlyArray<PendingEvent>,
  { position, recordedAt, repeated, revision }: Appended
): ReadonlyArray<RecordedEvent> =>
  repeated
    ? []
    : events.map((event, index) => {
        // Revisions and positions of an append have no gaps, so the casts add only the brands.
        const after = events.length - 1 - index
        return {
          ...event,
          revision: (revision - after) as Revision,
          position: (position - BigInt(after)) as Position,
          recordedAt
        }
      })
