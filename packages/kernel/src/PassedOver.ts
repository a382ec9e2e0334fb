/**
 * An event that readers pass over: it stays in the log and keeps its revision, and stands for nothing.
 *
 * @since 0.1.0
 */
import type { RecordedEvent } from "./RecordedEvent.ts"

/**
 * The type that readers see in the place of the type of an event that is passed over.
 *
 * **Details**
 * No event can be appended with it, and no codec can have it. Such an event has its id, stream, revision, position and times; its
 * `data` and its `metadata` are `{}`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const TYPE = "daybook.passed-over"

/**
 * True for an event that is passed over.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPassedOver = (event: Pick<RecordedEvent, "type">): boolean => event.type === TYPE
