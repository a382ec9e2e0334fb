/**
 * The stock of a product: a second aggregate for tests, from which items are reserved together with
 * the order that they go into.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Simulation from "@daybook/testing/simulation/Simulation"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const quantity = Schema.Literals([1, 2, 7])

export const StockCommand = Schema.TaggedUnion({ Receive: { quantity }, Reserve: { quantity } })
type StockCommand = typeof StockCommand.Type

const StockEvent = Schema.TaggedUnion({ Received: { quantity }, Reserved: { quantity } })
type StockEvent = typeof StockEvent.Type

const Stock = Schema.Struct({ left: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)) })
type Stock = typeof Stock.Type

class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { left: Schema.Int }) {}

export const aggregate = Aggregate.make({
  category: "stock",
  decider: Decider.make({
    initialState: { left: 0 },
    decide: (
      command: StockCommand,
      { left }: Stock
    ): Result.Result<ReadonlyArray<StockEvent>, OutOfStock> =>
      StockCommand.match(command, {
        Receive: ({ quantity }) => Result.succeed([StockEvent.cases.Received.make({ quantity })]),
        Reserve: ({ quantity }) =>
          quantity > left
            ? Result.fail(new OutOfStock({ left }))
            : Result.succeed([StockEvent.cases.Reserved.make({ quantity })])
      }),
    evolve: ({ left }: Stock, event: StockEvent): Stock => ({
      left: event._tag === "Received" ? left + event.quantity : left - event.quantity
    })
  }),
  codec: EventCodec.make({ name: "stock", events: StockEvent }),
  state: Stock
})

export const stock = Simulation.of({
  aggregate,
  command: StockCommand,
  model: {
    instance: (accepted) => {
      let left = 0
      const events: Array<StockEvent> = []
      for (const { command } of accepted) {
        const { quantity } = command
        left += command._tag === "Receive" ? quantity : -quantity
        events.push({ _tag: command._tag === "Receive" ? "Received" : "Reserved", quantity })
      }
      return { state: { left }, events }
    }
  }
})
