/**
 * The facts that are recorded with an act: never the data of an event.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Act, HeldKey } from "../../HeldKey.ts"
import type { RangeRow } from "./assign.ts"

export const detailsOf = ({ event, key, position, streamId, type }: HeldKey): Act["details"] => ({
  key,
  position: String(position),
  event: EventMark.eventId(event),
  streamId,
  type
})

/** The lowest position up to which the group had handled its events. */
export const forgetDetails = (ranges: ReadonlyArray<RangeRow>): Act["details"] => ({
  position: String(
    ranges.reduce<bigint | undefined>(
      (least, { checkpoint: { position } }) =>
        least === undefined || position < least ? position : least,
      undefined
    ) ?? 0n
  )
})

export const skipDetails = (event: RecordedEvent, issue: string): Act["details"] => ({
  position: String(event.position),
  event: event.id,
  streamId: event.streamId,
  type: event.type,
  issue
})
