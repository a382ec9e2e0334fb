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
          .pipe(Stream.filter((event) => keyOf(group, event) === key))
  // The options are of valid types; a wrong one is a defect of the definition.
  return Stream.catchTag(all, "InvalidReadOption", Stream.die)
}
