/**
 * The events of one key of a group, read from the log.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { StreamId } from "@daybook/kernel/StreamId"
import type { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type ConsumerGroup, type ConsumerGroupsError, keysOf } from "../../ConsumerGroup.ts"
import type { GroupDriver } from "../../driver/GroupDriver.ts"

interface Positions {
  readonly from: Position.Position
  readonly upTo: Position.Position
}

/** The most recorded positions that are in memory at once. */
const AT_ONCE = 10_000

/**
 * Reads the events of a held key between two positions. A stream is read by itself; any other key
 * costs a read of all events of the group between the positions.
 *
 * The key function may return another key today for the event at `from`, and for those that wait:
 * they are found by their recorded positions.
 */
export const eventsOf = (
  { driver, events }: { readonly driver: GroupDriver; readonly events: EventStore["Service"] },
  group: ConsumerGroup,
  key: string,
  { from, upTo }: Positions
): Stream.Stream<RecordedEvent, EventStoreError | ConsumerGroupsError> => {
  const { categories, types } = group
  if (group.key === undefined) {
    return events.read(StreamId.make(key), { types }).pipe(
      Stream.dropWhile(({ position }) => position < from),
      Stream.takeWhile(({ position }) => position <= upTo),
      Stream.catchTag("InvalidReadOption", Stream.die)
    )
  }
  const part = (after: Position.Position, last: Position.Position, waiting: ReadonlySet<bigint>) =>
    events.readAll({ after, upTo: last, categories, types }).pipe(
      Stream.filter(
        (event) =>
          event.position === from ||
          waiting.has(event.position) ||
          Result.getOrElse(keysOf(group, event), (): ReadonlyArray<string> => [
            event.streamId
          ]).includes(key)
      ),
      // The options are of valid types; a wrong one is a defect of the definition.
      Stream.catchTag("InvalidReadOption", Stream.die)
    )
  const first = Position.make(from > 0n ? from - 1n : 0n)
  return Stream.paginate(
    first,
    Effect.fnUntraced(function* (after) {
      const waiting = yield* driver.waiting(group.name, key, { after, upTo, limit: AT_ONCE })
      const last = waiting.length < AT_ONCE ? upTo : (waiting.at(-1) ?? upTo)
      const next = last < upTo ? Option.some(last) : Option.none()
      return [[part(after, last, new Set<bigint>(waiting))], next] as const
    })
  ).pipe(Stream.flatten)
}
