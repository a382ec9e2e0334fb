/**
 * Processes for tests, about stocks: items that are reserved are ordered again at once, and counted
 * some time later.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import * as Stock from "./stock.ts"

const RestockEvent = Schema.TaggedUnion({ Reordered: {}, Counted: {} })

export const restock = ProcessManager.define({
  name: "restock",
  from: [Stock.aggregate],
  commands: { stock: ProcessManager.target(Stock.aggregate, Stock.StockCommand) },
  timers: ["count"],
  events: EventCodec.make({ name: "restock", events: RestockEvent }),
  state: Schema.Int
}).make({
  initialState: 0,
  correlate: ({ _tag }, { streamId }) =>
    _tag === "Reserved" ? { start: StreamId.id(streamId) } : { continue: StreamId.id(streamId) },
  evolve: (reordered, event) => reordered + (event._tag === "Reordered" ? 1 : 0),
  react: (reordered, input, { id }) => {
    switch (input._tag) {
      case "Reserved":
        // Each third reservation is ordered again, so that stocks run out now and then.
        return reordered % 3 === 0
          ? {
              events: [{ _tag: "Reordered" }],
              commands: [
                { to: "stock", id, command: { _tag: "Receive", quantity: input.quantity } }
              ],
              timers: [{ set: "count", after: "300 millis" }]
            }
          : { events: [{ _tag: "Reordered" }] }
      case "TimerFired":
        return { events: [{ _tag: "Counted" }] }
      case "Received":
      case "CommandRejected":
        return {}
    }
  }
})
