/**
 * The key of read models that have one row for each order.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { PendingEvent } from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import { aggregate } from "../Order.ts"

export interface OrderKey {
  readonly orderId: string
}

/** Returns the key of an event's order. */
export const keyOf = ({ streamId }: PendingEvent): OrderKey => ({ orderId: StreamId.id(streamId) })

/** Returns the stream of an order's events; none when `orderId` is not valid in a stream id. */
export const streamsOf = ({ orderId }: OrderKey): ReadonlyArray<StreamId.StreamId> =>
  Result.match(Aggregate.streamId(aggregate, orderId), {
    onSuccess: (streamId) => [streamId],
    onFailure: () => []
  })
