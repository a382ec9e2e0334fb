/**
 * Groups the events of a page.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"

/** Returns the events of each key, in their order; the keys by their first event. */
export const byKey = (
  events: ReadonlyArray<RecordedEvent>,
  keyOf: (event: RecordedEvent) => string
): ReadonlyArray<ReadonlyArray<RecordedEvent>> => Array.from(Map.groupBy(events, keyOf).values())
