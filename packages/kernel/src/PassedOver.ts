/**
 * Events that readers pass over: they stay in the log with their revisions, and stand for nothing.
 *
 * @since 0.1.0
 */
import type { RecordedEvent } from "./RecordedEvent.ts"

/**
 * The type that readers see for an event that is passed over.
 *
 * **Details**
 * No event can be appended with it, and no codec can have it. Such an event keeps its id, stream,
 * revision, position and times; its `data` and its `metadata` are `{}`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const TYPE = "daybook.passed-over"

/**
 * Returns true for an event that is passed over.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPassedOver = (event: Pick<RecordedEvent, "type">): boolean => event.type === TYPE
