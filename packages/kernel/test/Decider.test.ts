import * as Decider from "@daybook/kernel/Decider"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

/** A purse: the commands are amounts to put in or, when negative, to take out. */
const purse = Decider.make({
  initialState: 0,
  decide: (
    amount: number,
    balance: number
  ): Result.Result<ReadonlyArray<number>, { readonly balance: number }> => {
    if (balance + amount < 0) return Result.fail({ balance })
    // Every unit is an event, none when nothing moves.
    return Result.succeed(Array.from({ length: Math.abs(amount) }, () => Math.sign(amount)))
  },
  evolve: (balance, unit: number) => balance + unit
})

describe("fold", () => {
  it("gives the initial state when there are no events", () => {
    assert.strictEqual(Decider.fold(purse, []), 0)
  })

  it("evolves by each event in order, from the state that it is given", () => {
    const letters = Decider.make({
      initialState: "",
      decide: () => Result.succeed([]),
      evolve: (state, event: string) => state + event
    })
    assert.strictEqual(Decider.fold(letters, ["a", "b", "c"]), "abc")
    assert.strictEqual(Decider.fold(letters, ["d"], "abc"), "abcd")
  })

  it("takes any iterable", () => {
    assert.strictEqual(Decider.fold(purse, new Set([1, 2])), 3)
  })
})

describe("run", () => {
  it("decides each command in the state that the ones before it left", () => {
    assert.deepStrictEqual(
      Decider.run(purse, [2, -1, 0]),
      Result.succeed({ state: 1, events: [1, 1, -1] })
    )
  })

  it("starts from the state that it is given", () => {
    assert.deepStrictEqual(Decider.run(purse, [-1], 3), Result.succeed({ state: 2, events: [-1] }))
  })

  it("stops at the first rejection", () => {
    assert.deepStrictEqual(Decider.run(purse, [2, -3, -9]), Result.fail({ balance: 2 }))
  })

  it("takes a decision of more events than a call takes arguments", () => {
    const ran = Decider.run(purse, [500_000])
    assert.strictEqual(Result.getOrThrow(ran).events.length, 500_000)
  })
})
