import * as Specification from "@daybook/testing/Specification"
import * as LawSuite from "@daybook/testing/LawSuite"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { EventStore } from "@daybook/store/EventStore"
import * as Law from "@daybook/testing/Law"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Account from "./Account.ts"

const opened: Account.Event = { _tag: "Opened", owner: "Ada" }
const deposited = (amount: bigint): Account.Event => ({ _tag: "Deposited", amount })

const rules = Specification.make(
  "the rules of an account",
  Account.decider,
  (given) => ({
    "opens once": given().when({ _tag: "Open", owner: "Ada" }).then([opened]),
    "refuses to open again": given(opened)
      .when({ _tag: "Open", owner: "Bob" })
      .then(new Account.AlreadyOpened()),
    "takes deposits": given(opened)
      .when({ _tag: "Deposit", amount: 5n })
      .then([deposited(5n)]),
    "refuses deposits before it is open": given()
      .when({ _tag: "Deposit", amount: 5n })
      .then(new Account.NotOpen()),
    "pays out all there is": given(opened, deposited(5n))
      .when({ _tag: "Withdraw", amount: 5n })
      .then([{ _tag: "Withdrawn", amount: 5n }]),
    "refuses to pay out more": given(opened, deposited(5n))
      .when({ _tag: "Withdraw", amount: 6n })
      .then(new Account.TooLittle({ balance: 5n, asked: 6n })),
    "closes when it is empty": given(opened)
      .when({ _tag: "Close" })
      .then([{ _tag: "Closed" }]),
    "refuses to close while there is money": given(opened, deposited(1n))
      .when({ _tag: "Close" })
      .then(new Account.NotEmpty())
  }),
  { covers: [Account.Command.cases, Account.Event.cases, Account.Rejection.cases] }
)

LawSuite.suite(rules.name, Specification.laws(rules))

const handler = CommandHandler.layer
LawSuite.suite(
  rules.name,
  Specification.lawsOnStore(Account.aggregate, rules),
  handler.pipe(Layer.provideMerge(EventStoreMemory.layer))
)

/** Returns the failure of one example on the decider. */
const failureOf = (
  example: (
    given: Specification.Given<Account.Command, Account.Event, Account.Rejection>
  ) => Specification.Example<Account.Command, Account.Event, Account.Rejection>,
  decider = Account.decider
) =>
  Result.match(
    Specification.check(
      Specification.make("an account", decider, (given) => ({ "an example": example(given) }))
    ),
    { onSuccess: () => undefined, onFailure: ({ message }) => message }
  )

describe("A specification", () => {
  it("is checked without a test runner", () => {
    assert.isTrue(Result.isSuccess(Specification.check(rules)))
    Specification.assert(rules)
  })

  it("shows the expected events and the actual ones", () => {
    assert.strictEqual(
      failureOf((given) =>
        given(opened)
          .when({ _tag: "Deposit", amount: 5n })
          .then([deposited(6n)])
      ),
      `an account:

an example
  given Opened { owner: "Ada" }
  when  Deposit { amount: 5n }
  then    accepted
        - Deposited { amount: 6n }
        + Deposited { amount: 5n }`
    )
  })

  it("shows a rejection where events were expected, fact by fact", () => {
    assert.strictEqual(
      failureOf((given) =>
        given(opened, deposited(5n))
          .when({ _tag: "Withdraw", amount: 6n })
          .then(new Account.TooLittle({ balance: 4n, asked: 6n }))
      ),
      `an account:

an example
  given Opened { owner: "Ada" }
        Deposited { amount: 5n }
  when  Withdraw { amount: 6n }
  then    rejected
        - TooLittle { asked: 6n, balance: 4n }
        + TooLittle { asked: 6n, balance: 5n }`
    )
    assert.include(
      failureOf((given) => given().when({ _tag: "Close" }).then([])),
      "  then  - accepted\n        + rejected\n        + NotOpen"
    )
  })

  it("breaks long values up, so that the lines that differ stand alone", () => {
    const owner =
      "Ada, of a family with a name that is rather long by itself and in which nobody shortens it"
    assert.include(
      failureOf((given) =>
        given()
          .when({ _tag: "Open", owner })
          .then([{ _tag: "Opened", owner }, deposited(1n)])
      ),
      `  then    accepted
          Opened {
            owner: "${owner}"
          }
        - Deposited { amount: 1n }`
    )
  })

  it("compares all of the events and their order, and 0 with -0", () => {
    const twice = { ...Account.decider, decide: () => Result.succeed([opened, deposited(1n)]) }
    const withOne = failureOf((given) => given().when({ _tag: "Close" }).then([opened]), twice)
    const turned = failureOf(
      (given) =>
        given()
          .when({ _tag: "Close" })
          .then([deposited(1n), opened]),
      twice
    )
    assert.isDefined(withOne)
    assert.isDefined(turned)
    const zeros = Specification.make(
      "zeros",
      {
        initialState: 0,
        decide: (): Result.Result<ReadonlyArray<number>, string> => Result.succeed([-0]),
        evolve: (state: number) => state
      },
      (given) => ({ "are different": given().when("go").then([0]) })
    )
    assert.isTrue(Result.isFailure(Specification.check(zeros)))
  })

  it("distinguishes a plain object from a rejection of the same fields", () => {
    assert.include(
      failureOf((given) =>
        given()
          .when({ _tag: "Close" })
          .then({ _tag: "NotOpen" } as Account.Rejection)
      ),
      "(both read the same, but are of different classes)"
    )
  })

  it("fails an example whose decider throws", () => {
    const throwing = {
      ...Account.decider,
      decide: () => {
        throw new Error("no")
      }
    }
    assert.include(
      failureOf((given) => given().when({ _tag: "Close" }).then([]), throwing),
      '+ threw\n        + Error { message: "no" }'
    )
  })

  it("names what it covers and has no example of", () => {
    const some = Specification.make(
      "an account",
      Account.decider,
      (given) => ({ opens: given().when({ _tag: "Open", owner: "Ada" }).then([opened]) }),
      { covers: [Account.Command.cases, Account.Rejection.cases] }
    )
    const failed = Result.getOrThrow(Result.flip(Specification.check(some)))
    assert.deepStrictEqual(failed.uncovered, [
      "Deposit",
      "Withdraw",
      "Close",
      "NotOpen",
      "AlreadyOpened",
      "TooLittle",
      "NotEmpty"
    ])
    assert.include(failed.message, "no example of Deposit, Withdraw")
    assert.throws(() => Specification.assert(some), "no example of Deposit")
  })

  it("throws when an unfinished example is awaited", async () => {
    const awaited = await Promise.resolve()
      .then(() => {
        let open: unknown
        Specification.make("an account", Account.decider, (given) => {
          open = given().when({ _tag: "Close" })
          return {}
        })
        return open
      })
      .catch((error: unknown) => String(error))
    assert.include(awaited, "an example was awaited")
  })
})

describe("A specification on a store", () => {
  const failure = (broken: (store: EventStore["Service"]) => Partial<EventStore["Service"]>) => {
    const store = Layer.effect(
      EventStore,
      Effect.map(EventStore, (store) => EventStore.of({ ...store, ...broken(store) }))
    ).pipe(Layer.provide(EventStoreMemory.layer))
    return Law.broken(Specification.lawsOnStore(Account.aggregate, rules)).pipe(
      Effect.map((broken) => broken.map(({ law }) => law)),
      Effect.provide(handler.pipe(Layer.provideMerge(store)))
    )
  }

  it.effect("holds on a right one", () =>
    Law.broken(Specification.lawsOnStore(Account.aggregate, rules)).pipe(
      Effect.map((broken) => assert.deepStrictEqual(broken, [])),
      Effect.provide(handler.pipe(Layer.provideMerge(EventStoreMemory.layer)))
    )
  )

  it.effect("fails where what was accepted can't be read back", () =>
    Effect.gen(function* () {
      const failed = yield* failure((store) => ({
        read: (streamId, options) => Stream.take(store.read(streamId, options), 1)
      }))
      assert.include(failed, "takes deposits")
      assert.notInclude(failed, "opens once")
    })
  )
})
