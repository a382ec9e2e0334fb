/**
 * A small domain for tests: deposits and withdrawals, and a balance that is never below zero.
 */
import * as ClusterAggregate from "@daybook/cluster/ClusterAggregate"
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Amount = Schema.Int.check(Schema.isGreaterThan(0))

const AccountEvent = Schema.TaggedUnion({
  Deposited: { amount: Amount },
  Withdrawn: { amount: Amount }
})
type AccountEvent = typeof AccountEvent.Type

const AccountCommand = Schema.TaggedUnion({
  Deposit: { amount: Schema.Int },
  Withdraw: { amount: Schema.Int }
})
type AccountCommand = typeof AccountCommand.Type

const Account = Schema.Struct({ balance: Schema.Int })
type Account = typeof Account.Type

export class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", {
  balance: Schema.Int,
  amount: Schema.Int
}) {}

const accept = (...events: ReadonlyArray<AccountEvent>) => Result.succeed(events)

const decider = Decider.make({
  initialState: { balance: 0 },
  decide: (
    command: AccountCommand,
    { balance }: Account
  ): Result.Result<ReadonlyArray<AccountEvent>, Overdrawn> =>
    AccountCommand.match(command, {
      // A deposit of nothing is accepted and records nothing.
      Deposit: ({ amount }) => (amount === 0 ? accept() : accept({ _tag: "Deposited", amount })),
      Withdraw: ({ amount }) =>
        amount > balance
          ? Result.fail(new Overdrawn({ balance, amount }))
          : accept({ _tag: "Withdrawn", amount })
    }),
  evolve: ({ balance }: Account, event: AccountEvent): Account =>
    AccountEvent.match(event, {
      Deposited: ({ amount }) => ({ balance: balance + amount }),
      Withdrawn: ({ amount }) => ({ balance: balance - amount })
    })
})

export const aggregate = Aggregate.make({
  category: "account",
  decider,
  codec: EventCodec.make({ name: "account", events: AccountEvent }),
  state: Account
})

export const deposit = (amount: number): AccountCommand => ({ _tag: "Deposit", amount })
export const withdraw = (amount: number): AccountCommand => ({ _tag: "Withdraw", amount })

export const account = ClusterAggregate.make({
  aggregate,
  command: AccountCommand,
  event: AccountEvent,
  rejection: Overdrawn
})
