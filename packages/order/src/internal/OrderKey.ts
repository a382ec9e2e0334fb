/**
 * Rows of read models that stand for one order.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { Unnumbered } from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import { aggregate } from "../Order.ts"

export interface OrderKey {
  readonly orderId: string
}

/** The order that an event is of. */
export const keyOf = ({ streamId }: Unnumbered): OrderKey => ({ orderId: StreamId.id(streamId) })

/** Where the events of an order are; a text that names no stream has none. */
export const streamsOf = ({ orderId }: OrderKey): ReadonlyArray<StreamId.StreamId> =>
  Result.match(Aggregate.streamId(aggregate, orderId), {
    onSuccess: (streamId) => [streamId],
    onFailure: () => []
  })
