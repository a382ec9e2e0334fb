/**
 * The filters of readers, applied to events that were read for several of them.
 */
import * as PassedOver from "@daybook/kernel/PassedOver"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import type { LogFilter } from "../../driver/EventStoreDriver.ts"

/**
 * Returns a predicate of the events that a driver selects by the same filter. A passed-over event
 * has lost its type to its readers.
 */
export const matching = ({ categories, types }: LogFilter): ((event: RecordedEvent) => boolean) => {
  const ofCategories = categories && new Set<string>(categories)
  const ofTypes = types && new Set(types)
  return ({ streamId, type }) =>
    (ofCategories === undefined || ofCategories.has(StreamId.category(streamId))) &&
    (ofTypes === undefined || (type !== PassedOver.TYPE && ofTypes.has(type)))
}
