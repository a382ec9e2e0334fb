/**
 * The identity of one recording of an event, over all histories of a log.
 *
 * An event id alone is ambiguous once a log was restored to an earlier time: a command that its
 * caller repeats after the restore records its events under the same ids again, perhaps after other
 * events. The time of recording tells the two apart, since the restore takes time. Everything that
 * is kept outside of the log and stands for its events up to some point (a checkpoint, a snapshot,
 * a cached state, the rows of a read model) therefore carries the mark of the last of them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { EventId } from "./EventId.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"

/**
 * The id of an event, `@`, and the time at which the log recorded it, in milliseconds since 1970.
 *
 * **Details**
 * Two marks are of the same recording when they are equal as texts. The time is that of the clock
 * of the store, and no lower than that of the event before on the stream: while a stream ends ahead
 * of the clock, since the clock was ahead and was set back, its marks differ by their ids only.
 *
 * @category types
 * @since 0.1.0
 */
export const EventMark = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@-?\d{1,15}$/, {
    expected: "an event id, @, and milliseconds since 1970"
  })
).pipe(Schema.brand("EventMark"))

/**
 * @category types
 * @since 0.1.0
 */
export type EventMark = typeof EventMark.Type

/**
 * Returns the mark of an event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = ({ id, recordedAt }: Pick<RecordedEvent, "id" | "recordedAt">): EventMark =>
  at(id, recordedAt.epochMilliseconds)

/**
 * Returns the mark of an event from its id and the time of its recording, in milliseconds since
 * 1970.
 *
 * @category constructors
 * @since 0.1.0
 */
export const at = (id: EventId, recordedAt: number): EventMark =>
  // Both parts are valid, and this runs for each page of events that is read.
  `${id}@${recordedAt}` as EventMark

/**
 * Returns the id of the event.
 *
 * @category destructors
 * @since 0.1.0
 */
export const eventId = (mark: EventMark): EventId => EventId.make(mark.slice(0, UUID_LENGTH))

/**
 * Returns the time at which the event was recorded, in milliseconds since 1970.
 *
 * @category destructors
 * @since 0.1.0
 */
export const recordedAt = (mark: EventMark): number => Number(mark.slice(UUID_LENGTH + 1))

const UUID_LENGTH = 36
