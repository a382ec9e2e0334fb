/**
 * Examples of commands on several streams, on the deciders and through a handler on a store.
 */
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as TogetherSpecification from "@daybook/testing/TogetherSpecification"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Account from "./Account.ts"

const { aggregate } = Account

const holding = (id: string, amount: bigint) =>
  TogetherSpecification.stream(
    aggregate,
    id,
    { _tag: "Opened", owner: id },
    { _tag: "Deposited", amount }
  )

const transfer = (amount: bigint, { from = "ann", to = "bob" } = {}) =>
  [
    CommandCall.make(aggregate, from, { _tag: "Withdraw", amount }),
    CommandCall.make(aggregate, to, { _tag: "Deposit", amount })
  ] as const

const transfers = TogetherSpecification.make("a transfer", (given) => ({
  "moves the amount": given(holding("ann", 5n), holding("bob", 1n))
    .when(...transfer(5n))
    .then([{ _tag: "Withdrawn", amount: 5n }], [{ _tag: "Deposited", amount: 5n }]),
  "is refused by the account that has too little": given(holding("ann", 5n), holding("bob", 1n))
    .when(...transfer(6n))
    .rejects(0, new Account.TooLittle({ balance: 5n, asked: 6n })),
  "is refused by the account that is not open": given(holding("ann", 5n))
    .when(...transfer(5n))
    .rejects(1, new Account.NotOpen()),
  "sees its own commands on one account": given(holding("ann", 5n))
    .when(...transfer(5n, { to: "ann" }), CommandCall.make(aggregate, "ann", { _tag: "Close" }))
    .rejects(2, new Account.NotEmpty())
}))

LawSuite.suite(transfers.name, TogetherSpecification.laws(transfers))

const onMemory = CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

LawSuite.suite(
  `${transfers.name} on a store`,
  TogetherSpecification.lawsOnStore(transfers),
  onMemory
)

/** Returns the failure of one example. */
const failureOf = (
  example: (given: TogetherSpecification.Given) => TogetherSpecification.Example
) =>
  Result.match(
    TogetherSpecification.check(
      TogetherSpecification.make("a transfer", (given) => ({ "is as stated": example(given) }))
    ),
    { onSuccess: () => "it holds", onFailure: ({ message }) => message }
  )

describe("an example of commands together fails", () => {
  it("when the events are others", () => {
    const message = failureOf((given) =>
      given(holding("ann", 5n), holding("bob", 1n))
        .when(...transfer(2n))
        .then([{ _tag: "Withdrawn", amount: 2n }], [])
    )
    assert.include(message, 'stream: "account-ann"')
    assert.include(message, "+")
    assert.include(message, "Deposited")
  })

  it("when another command is rejected", () => {
    const message = failureOf((given) =>
      given(holding("ann", 5n))
        .when(...transfer(5n))
        .rejects(0, new Account.NotOpen())
    )
    assert.include(message, "rejected at place 1")
  })

  it.effect("when the store holds less than was answered", () =>
    Effect.gen(function* () {
      const twin = Layer.effect(
        CommandHandler,
        Effect.map(CommandHandler, (handler) => ({
          ...handler,
          // Executes only the first of them, and answers that for all.
          executeTogether: ((calls) =>
            Effect.map(handler.executeTogether(calls.slice(0, 1)), ([answer]) =>
              calls.map(() => answer)
            )) as typeof handler.executeTogether
        }))
      ).pipe(Layer.provideMerge(onMemory))
      const [law] = TogetherSpecification.lawsOnStore(transfers)
      if (law === undefined) return assert.fail("there is no law")
      const broken = yield* Effect.flip(Effect.provide(law.check(), twin))
      assert.include(broken.message, "events of bob were answered")
    })
  )
})
