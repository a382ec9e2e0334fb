/**
 * A shop's tills, small enough to compute their read models by hand: sales and refunds of products.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const item = { product: Schema.String, cents: Schema.Int }

export const TillCommand = Schema.TaggedUnion({ Sell: item, Refund: item, Close: {} })
const TillEvent = Schema.TaggedUnion({ Sold: item, Refunded: item, Closed: {} })
type Event = typeof TillEvent.Type

const State = Schema.Struct({ cents: Schema.Int, open: Schema.Boolean })
class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

/** Makes tills of their own category, so that one test does not see the events of another. */
export const aggregateOf = (category: string) =>
  Aggregate.make({
    category,
    decider: Decider.make({
      initialState: { cents: 0, open: true },
      decide: (command: typeof TillCommand.Type, { cents, open }: typeof State.Type) => {
        if (!open) return Result.fail(new Refused())
        return TillCommand.match(command, {
          Sell: ({ cents, product }): Result.Result<ReadonlyArray<Event>, Refused> =>
            Result.succeed([{ _tag: "Sold", product, cents }]),
          Refund: (refund): Result.Result<ReadonlyArray<Event>, Refused> =>
            refund.cents > cents
              ? Result.fail(new Refused())
              : Result.succeed([
                  { _tag: "Refunded", product: refund.product, cents: refund.cents }
                ]),
          Close: (): Result.Result<ReadonlyArray<Event>, Refused> =>
            Result.succeed([{ _tag: "Closed" }])
        })
      },
      evolve: (state: typeof State.Type, event: Event) =>
        TillEvent.match(event, {
          Sold: ({ cents }) => ({ ...state, cents: state.cents + cents }),
          Refunded: ({ cents }) => ({ ...state, cents: state.cents - cents }),
          Closed: () => ({ ...state, open: false })
        })
    }),
    codec: EventCodec.make({ name: category, events: TillEvent }),
    state: State
  })

export type TillAggregate = ReturnType<typeof aggregateOf>

/** The takings of each till: a row for each stream, deleted when the till is closed. */
export const takings = (till: TillAggregate, name: string, version = 1) =>
  Projection.define({
    name,
    version,
    from: [till],
    row: Schema.Struct({
      tillId: Schema.String,
      cents: Schema.Int,
      sales: Schema.Int,
      last: Schema.DateTimeUtc
    }),
    primaryKey: ["tillId"],
    indexes: [["cents"]]
  }).fold({
    keys: (_, { streamId }) => [{ tillId: StreamId.id(streamId) }],
    streams: ({ tillId }) => [Result.getOrThrow(StreamId.make(till.category, tillId))],
    initial: () => undefined,
    apply: (row, event, { key, recorded }) => {
      const { cents, sales } = row ?? { cents: 0, sales: 0 }
      const last = recorded.occurredAt
      return TillEvent.match(event, {
        Sold: (sold) => ({ ...key, cents: cents + sold.cents, sales: sales + 1, last }),
        Refunded: (refunded) => ({ ...key, cents: cents - refunded.cents, sales, last }),
        Closed: () => undefined
      })
    }
  })

/** The sales of each product in order: streams share the rows, and the fold depends on order. */
export const products = (till: TillAggregate, name: string, version = 1) =>
  Projection.define({
    name,
    version,
    from: [till],
    row: Schema.Struct({
      product: Schema.String,
      cents: Schema.BigInt,
      log: Schema.Array(Schema.Struct({ till: Schema.String, cents: Schema.Int }))
    }),
    primaryKey: ["product"]
  }).fold({
    keys: (event) => (event._tag === "Closed" ? [] : [{ product: event.product }]),
    initial: ({ product }) => ({ product, cents: 0n, log: [] }),
    apply: (row, event, { recorded }) => {
      if (event._tag === "Closed") return row
      if (event.product === "poison") throw new Error("it can't be folded: \u0000\ud83d")
      const cents = event._tag === "Sold" ? event.cents : -event.cents
      const till = StreamId.id(recorded.streamId)
      return {
        product: row.product,
        cents: row.cents + BigInt(cents),
        // Only the newest sales, since a row is bounded.
        log: [...row.log, { till, cents }].slice(-20)
      }
    }
  })
