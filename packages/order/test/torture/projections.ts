/**
 * The read models that hosts maintain of orders: all of them after the log, and one also in the
 * appends.
 */
import * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { aggregate } from "@daybook/order/Order"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { MAX_ROW_BYTES } from "@daybook/projections/driver/ReadModelTable"
import * as Schema from "effect/Schema"
import { projections } from "../orderSimulation.ts"

/**
 * A read model in which some events make a row larger than the limit: about one in 64, by their
 * ids.
 */
export const heavy = Projection.define({
  name: "heavy",
  version: 1,
  from: [aggregate],
  row: Schema.Struct({ orderId: Schema.String, events: Schema.Int, load: Schema.String }),
  primaryKey: ["orderId"]
}).fold({
  keys: (_event, { streamId }) => [{ orderId: StreamId.id(streamId) }],
  initial: ({ orderId }) => ({ orderId, events: 0, load: "" }),
  apply: (row, _event, { recorded }) => ({
    ...row,
    events: row.events + 1,
    load: isTooMuch(recorded.id) ? "x".repeat(MAX_ROW_BYTES) : row.load
  })
})

const isTooMuch = (id: string): boolean => Number.parseInt(id.slice(0, 2), 16) < 4

/** Returns its rows, for a log in which those events are skipped. */
export const heavyRows = (log: ReadonlyArray<RecordedEvent>): ReadonlyArray<unknown> => {
  const events = new Map<string, number>()
  for (const { id, streamId } of log) {
    if (isTooMuch(id)) continue
    events.set(StreamId.id(streamId), (events.get(StreamId.id(streamId)) ?? 0) + 1)
  }
  return Array.from(events, ([orderId, count]) => ({ orderId, events: count, load: "" }))
}

/** The five read models of orders. */
export const ofOrders: ReadonlyArray<Projection.Any> = projections

export const behind: ReadonlyArray<Projection.Any> = [...ofOrders, heavy]

export const summaries = orderSummary

export const inlineSummaries: typeof orderSummary = {
  ...orderSummary,
  name: Projection.Name.make("inline_order_summary")
}
