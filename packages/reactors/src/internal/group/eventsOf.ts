/**
 * The events of one key of a group, read from the log.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { StreamId } from "@daybook/kernel/StreamId"
import type { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Stream from "effect/Stream"
import { type ConsumerGroup, keyOf } from "../../ConsumerGroup.ts"

/**
 * Reads the events of a key between two positions. A stream is read by itself; any other key costs
 * a read of all events of the group between the positions.
 *
 * The event at `from` is held under the key. If the key function was changed and returns another
 * one for it today, that event is read all the same, and so are the later ones of its stream.
 */
export const eventsOf = (
  events: EventStore["Service"],
  group: ConsumerGroup,
  key: string,
  { from, upTo }: { readonly from: Position.Position; readonly upTo: Position.Position }
): Stream.Stream<RecordedEvent, EventStoreError> => {
  const { categories, types } = group
  const all =
    group.key === undefined
      ? events.read(StreamId.make(key), { types }).pipe(
          Stream.dropWhile(({ position }) => position < from),
          Stream.takeWhile(({ position }) => position <= upTo)
        )
      : events
          .readAll({
            after: Position.make(from > 0n ? from - 1n : 0n),
            upTo,
            categories,
            types
          })
          .pipe(Stream.filter(isOfKey(group, key, from)))
  // The options are of valid types; a wrong one is a defect of the definition.
  return Stream.catchTag(all, "InvalidReadOption", Stream.die)
}

const isOfKey = (group: ConsumerGroup, key: string, from: Position.Position) => {
  let moved: string | undefined
  return (event: RecordedEvent): boolean => {
    if (keyOf(group, event) === key) return true
    if (event.position === from) moved = event.streamId
    return event.streamId === moved
  }
}
