/**
 * A small domain for tests with a past: the stored form of a purse before and today. The two share
 * their streams.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Balance = Schema.Int

const PutInV1 = Schema.Struct({ pounds: Schema.Finite })
const ChangedV1 = Schema.Struct({ out: Schema.Int, in: Schema.Int, fee: Schema.Int })
const CountedV1 = Schema.Struct({})

const EventBefore = Schema.TaggedUnion({
  PutIn: PutInV1.fields,
  Changed: ChangedV1.fields,
  Counted: CountedV1.fields
})

/** The earlier purse: its commands are its events. */
export const before = Aggregate.make({
  category: "purse",
  decider: Decider.make({
    initialState: 0,
    decide: (event: typeof EventBefore.Type): Result.Result<ReadonlyArray<typeof event>> =>
      Result.succeed([event]),
    evolve: (balance: number, event: typeof EventBefore.Type) =>
      EventBefore.match(event, {
        PutIn: ({ pounds }) => balance + Math.round(pounds * 100),
        Changed: (changed) => balance - changed.out + changed.in - changed.fee,
        Counted: () => balance
      })
  }),
  codec: EventCodec.make({ name: "purse", events: EventBefore }),
  state: Balance
})

const Event = Schema.TaggedUnion({
  PutIn: { pence: Schema.Int },
  TakenOut: { pence: Schema.Int }
})

export type PurseEvent = typeof Event.Type

export class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { balance: Balance }) {}

/** The purse of today: an exchange becomes three events, and a count becomes none. */
export const today = Aggregate.make({
  category: "purse",
  decider: Decider.make({
    initialState: 0,
    decide: (
      event: PurseEvent,
      balance: number
    ): Result.Result<ReadonlyArray<PurseEvent>, TooMuch> =>
      event._tag === "TakenOut" && event.pence > balance
        ? Result.fail(new TooMuch({ balance }))
        : Result.succeed([event]),
    evolve: (balance: number, event: PurseEvent) =>
      Event.match(event, {
        PutIn: ({ pence }) => balance + pence,
        TakenOut: ({ pence }) => balance - pence
      })
  }),
  codec: EventCodec.make({
    name: "purse",
    events: Event,
    past: {
      PutIn: Upcaster.from(PutInV1).into(({ pounds }) => ({
        _tag: "PutIn",
        pence: Math.round(pounds * 100)
      })),
      Changed: Upcaster.from(ChangedV1).into((changed) => [
        { _tag: "TakenOut", pence: changed.out } as const,
        { _tag: "PutIn", pence: changed.in } as const,
        { _tag: "TakenOut", pence: changed.fee } as const
      ]),
      Counted: Upcaster.from(CountedV1).into(() => [])
    }
  }),
  state: Balance
})

export const putIn = (pence: number): PurseEvent => ({ _tag: "PutIn", pence })
export const takenOut = (pence: number): PurseEvent => ({ _tag: "TakenOut", pence })
