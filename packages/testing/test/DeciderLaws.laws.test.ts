/**
 * The laws of deciders hold for a right one, and each catches the mistakes that it is there for.
 */
import * as DeciderLaws from "@daybook/testing/laws/DeciderLaws"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Account from "./Account.ts"

const claims: DeciderLaws.Claims<Account.Command, Account.State, Account.Event, Account.Rejection> =
  {
    commands: Account.Command,
    rejections: Account.Rejection,
    terminal: (state) => state._tag === "Closed",
    always: { "no account owes": (state) => state._tag !== "Open" || state.balance >= 0n },
    steps: {
      "a balance changes by what was asked": ({ after, before, command, decided }) =>
        Result.isFailure(decided) ||
        balance(after) - balance(before) ===
          (command._tag === "Deposit"
            ? command.amount
            : command._tag === "Withdraw"
              ? -command.amount
              : 0n)
    }
  }

const balance = (state: Account.State): bigint => (state._tag === "Open" ? state.balance : 0n)

const { decide, evolve } = Account.decider
const lawsOf = (
  broken: Partial<Account.AccountDecider>,
  other: Partial<typeof claims> = {},
  aggregate = Account.aggregate
) =>
  DeciderLaws.laws(
    { ...aggregate, decider: { ...Account.decider, ...broken } },
    { ...claims, ...other }
  )

LawSuite.suite("an account", lawsOf({}))

/** Names the laws that are broken: just these, since a law that breaks with every mistake says little. */
const catches = (mistake: string, laws: ReadonlyArray<Law.Law>, names: ReadonlyArray<string>) =>
  it.effect(`catch ${mistake}`, () =>
    Effect.map(Law.broken(laws, { seed: "mistakes" }), (broken) => {
      assert.deepStrictEqual(
        broken.map(({ law }) => law),
        names
      )
    })
  )

describe("The laws of deciders", () => {
  catches(
    "an evolve that throws",
    lawsOf({
      evolve: (state, event) => {
        if (event._tag === "Closed" && state._tag !== "Open") throw new Error("not open")
        return evolve(state, event)
      }
    }),
    ["evolve is total"]
  )
  catches(
    "an evolve whose state does not fit its schema",
    lawsOf({
      evolve: (state, event) =>
        event._tag === "Withdrawn" && state._tag === "None"
          ? ({ _tag: "Overdrawn" } as unknown as Account.State)
          : evolve(state, event)
    }),
    ["evolve is total"]
  )
  catches(
    "an evolve that changes its state in place",
    lawsOf({
      evolve: (state, event) => {
        if (event._tag === "Opened" && state._tag === "Closed")
          Object.assign(state, event, { _tag: state._tag })
        return evolve(state, event)
      }
    }),
    ["evolve is total"]
  )
  let evolved = 0
  catches(
    "an evolve that counts its calls",
    lawsOf({
      evolve: (state, event) =>
        event._tag === "Opened" && state._tag === "Closed"
          ? { ...state, owner: `owner ${++evolved}` }
          : evolve(state, event)
    }),
    ["evolve is total"]
  )
  catches(
    "a decide that throws",
    lawsOf({
      decide: (command, state) => {
        if (state._tag === "Open" && state.balance < 0n) throw new Error("owes")
        return decide(command, state)
      }
    }),
    ["decide is total"]
  )
  let decided = 0
  catches(
    "a decide that counts its calls",
    lawsOf({
      decide: (command, state) =>
        decide(
          command._tag === "Open" ? { ...command, owner: `owner ${++decided}` } : command,
          state
        )
    }),
    ["decide is a function of the command and the state"]
  )
  catches(
    "a decide that changes its command in place",
    lawsOf({
      decide: (command, state) => {
        const answer = decide(command, state)
        if (command._tag === "Open") Object.assign(command, { owner: "" })
        return answer
      }
    }),
    ["decide is a function of the command and the state"]
  )
  catches(
    "an event that does not fit its schema",
    lawsOf({
      decide: (command, state) =>
        command._tag === "Withdraw" && state._tag === "Closed"
          ? Result.succeed([{ _tag: "Deposited", amount: 0n }])
          : decide(command, state)
    }),
    [
      "what decide emits, evolve accepts",
      "what decide emits comes back from its stored form",
      "a balance changes by what was asked"
    ]
  )
  catches(
    "a rejection that does not fit its schema",
    lawsOf({
      decide: (command, state) =>
        command._tag === "Close" && state._tag === "Closed"
          ? Result.fail({ _tag: "Odd" } as unknown as Account.Rejection)
          : decide(command, state)
    }),
    ["what decide emits, evolve accepts"]
  )
  catches(
    "a codec that loses a field",
    lawsOf(
      {},
      {},
      {
        ...Account.aggregate,
        codec: {
          ...Account.codec,
          encode: (event) =>
            Account.codec.encode(event._tag === "Opened" ? { ...event, owner: "" } : event)
        }
      }
    ),
    ["what decide emits comes back from its stored form"]
  )
  catches(
    "an event that no command leads to",
    lawsOf({
      decide: (command, state) =>
        command._tag === "Close" ? Result.fail(new Account.NotEmpty()) : decide(command, state)
    }),
    ["every event is reached by generated commands"]
  )
  catches(
    "a terminal state that is left",
    lawsOf({
      decide: (command, state) =>
        command._tag === "Open" && state._tag === "Closed"
          ? Result.succeed([{ _tag: "Opened", owner: command.owner }])
          : decide(command, state),
      evolve: (state, event) =>
        event._tag === "Opened" && state._tag === "Closed"
          ? { _tag: "Open", owner: event.owner, balance: 0n }
          : evolve(state, event)
    }),
    ["what is terminal stays"]
  )
  catches(
    "a withdrawal of one more than the balance",
    lawsOf({
      decide: (command, state) =>
        decide(
          command,
          command._tag === "Withdraw" && state._tag === "Open"
            ? { ...state, balance: state.balance + 1n }
            : state
        )
    }),
    // An account that owes one closes, as if it were empty.
    ["no account owes", "a balance changes by what was asked"]
  )
  catches(
    "an initial state in which a claim of `always` does not hold",
    lawsOf(
      { initialState: { _tag: "Open", owner: "", balance: -1n } },
      { neverDecided: ["Opened"], steps: {} }
    ),
    ["no account owes"]
  )
  catches(
    "a deposit that is counted twice",
    lawsOf({
      evolve: (state, event) =>
        event._tag === "Deposited" ? evolve(evolve(state, event), event) : evolve(state, event)
    }),
    ["a balance changes by what was asked"]
  )
})
