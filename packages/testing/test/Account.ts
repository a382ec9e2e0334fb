/**
 * A bank account: a domain to try specifications and laws on.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Amount = Schema.BigInt.check(Schema.isGreaterThanOrEqualToBigInt(1n))

export const Command = Schema.TaggedUnion({
  Open: { owner: Schema.String },
  Deposit: { amount: Amount },
  Withdraw: { amount: Amount },
  Close: {}
})
export type Command = typeof Command.Type

export const Event = Schema.TaggedUnion({
  Opened: { owner: Schema.String },
  Deposited: { amount: Amount },
  Withdrawn: { amount: Amount },
  Closed: {}
})
export type Event = typeof Event.Type

export const State = Schema.TaggedUnion({
  None: {},
  Open: { owner: Schema.String, balance: Schema.BigInt },
  Closed: { owner: Schema.String }
})
export type State = typeof State.Type

export class NotOpen extends Schema.TaggedError<NotOpen>()("NotOpen", {}) {
  override get message() {
    return "The account is not open"
  }
}

export class AlreadyOpened extends Schema.TaggedError<AlreadyOpened>()("AlreadyOpened", {}) {
  override get message() {
    return "The account was opened before"
  }
}

export class TooLittle extends Schema.TaggedError<TooLittle>()("TooLittle", {
  balance: Schema.BigInt,
  asked: Schema.BigInt
}) {
  override get message() {
    return `${this.asked} were asked of ${this.balance}`
  }
}

export class NotEmpty extends Schema.TaggedError<NotEmpty>()("NotEmpty", {}) {
  override get message() {
    return "The account is not empty"
  }
}

export const Rejection = Schema.Union([NotOpen, AlreadyOpened, TooLittle, NotEmpty]).pipe(
  Schema.toTaggedUnion("_tag")
)
export type Rejection = typeof Rejection.Type

export type AccountDecider = Decider.Decider<Command, State, Event, Rejection>
type Decision = Result.Result<ReadonlyArray<Event>, Rejection>

const accept = (event: Event): Decision => Result.succeed([event])
const refuse = (rejection: Rejection): Decision => Result.fail(rejection)

const decideOpen = (command: Command, { balance }: { readonly balance: bigint }): Decision =>
  Command.match(command, {
    Open: () => refuse(new AlreadyOpened()),
    Deposit: ({ amount }) => accept({ _tag: "Deposited", amount }),
    Withdraw: ({ amount }) =>
      amount > balance
        ? refuse(new TooLittle({ balance, asked: amount }))
        : accept({ _tag: "Withdrawn", amount }),
    Close: () => (balance > 0n ? refuse(new NotEmpty()) : accept({ _tag: "Closed" }))
  })

const decide = (command: Command, state: State): Decision =>
  State.match(state, {
    None: () =>
      command._tag === "Open"
        ? accept({ _tag: "Opened", owner: command.owner })
        : refuse(new NotOpen()),
    Open: (open) => decideOpen(command, open),
    Closed: () => refuse(command._tag === "Open" ? new AlreadyOpened() : new NotOpen())
  })

const evolve = (state: State, event: Event): State =>
  Event.match(event, {
    Opened: ({ owner }): State =>
      state._tag === "None" ? { _tag: "Open", owner, balance: 0n } : state,
    Deposited: ({ amount }): State =>
      state._tag === "Open" ? { ...state, balance: state.balance + amount } : state,
    Withdrawn: ({ amount }): State =>
      state._tag === "Open" ? { ...state, balance: state.balance - amount } : state,
    Closed: (): State => (state._tag === "Open" ? { _tag: "Closed", owner: state.owner } : state)
  })

export const decider: AccountDecider = Decider.make({
  initialState: { _tag: "None" },
  decide,
  evolve
})

/** Deposits were stored in pounds once. */
export const codec = EventCodec.make({
  name: "account",
  events: Event,
  past: {
    Deposited: Upcaster.from(
      Schema.Struct({
        pounds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
      })
    ).into(({ pounds }) => ({ _tag: "Deposited", amount: BigInt(pounds) * 100n }))
  }
})

export const aggregate = Aggregate.make({ category: "account", decider, codec, state: State })
