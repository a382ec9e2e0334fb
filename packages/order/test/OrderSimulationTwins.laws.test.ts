import * as Order from "@daybook/order/Order"
import * as Simulation from "@daybook/testing/simulation/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  apart,
  forgetfulCodec,
  forgetfulHandler,
  forgetfulRestock,
  hasty,
  separateHandler,
  stale,
  untidyFold
} from "./brokenMachinery.ts"
import { command, model, orders } from "./orderSimulation.ts"

/**
 * Returns the seed and faults with which it fails, within a thousand histories. The seeds given
 * below are those that failed when they were written, so that the search ends soon.
 */
const failureOf = (broken: Partial<Simulation.Simulation>, seed: number) =>
  Effect.flip(Simulation.check({ ...orders, ...broken }, { seed, histories: 1_000 }))

/**
 * Returns the violations of an invariant in the first history without faults, from a seed on and
 * within a hundred, that has some.
 */
const violationsOf = Effect.fnUntraced(function* (
  invariant: number,
  broken: Partial<Simulation.Simulation>,
  first: number
) {
  for (let seed = first; seed < first + 100; seed++) {
    const history = yield* Simulation.run({ ...orders, ...broken }, { seed, faults: [] })
    const violations = history.violations.filter((one) => one.invariant === invariant)
    if (violations.length > 0) return violations
  }
  return yield* Effect.die(new Error(`no history violates invariant ${invariant}`))
})

/** Orders of another aggregate, without the commands together, which name the right one. */
const of = (aggregate: typeof Order.aggregate): Partial<Simulation.Simulation> => ({
  aggregates: [Simulation.of({ aggregate, command, model })],
  together: []
})

// Leaving out faults, by halves and in the end one by one, runs a history hundreds of times.
describe("A simulation of broken orders", { timeout: 600_000 }, () => {
  it.live("catches a handler that retries without the command's id, with two faults at most", () =>
    Effect.gen(function* () {
      const failed = yield* failureOf({ handler: forgetfulHandler }, 2)
      assert.strictEqual(failed.violations[0]?.invariant, 3, failed.message)
      assert.isAtMost(failed.faults.length, 2, failed.message)
      assert.include(failed.message, `--seed ${failed.seed} --schedule ${failed.schedule}`)
    })
  )

  it.live("catches a store that checks and writes in two steps, as two winners of one race", () =>
    Effect.gen(function* () {
      const [first] = yield* violationsOf(2, { stores: hasty }, 7)
      assert.match(first?.message ?? "", /^the answer to command /)
    })
  )

  it.live("catches a checkpoint that is stored apart from the rows, with two faults at most", () =>
    Effect.gen(function* () {
      const failed = yield* failureOf({ stores: apart }, 17)
      assert.isAtMost(failed.faults.length, 2, failed.message)
      assert.match(failed.message, /rows of|differs from what serves/)
    })
  )

  it.live("catches an append that is folded into stale rows, without any fault", () =>
    Effect.gen(function* () {
      const [first] = yield* violationsOf(10, { ...of(Order.aggregate), stores: stale }, 55)
      assert.match(first?.message ?? "", /stored by the appends/)
    })
  )

  it.live("catches a codec that loses a reason, as an event that comes back as another", () =>
    Effect.gen(function* () {
      const failed = yield* failureOf(of(forgetfulCodec), 1)
      assert.strictEqual(failed.violations[0]?.invariant, 9, failed.message)
      assert.deepStrictEqual(failed.faults, [], failed.message)
    })
  )

  it.live("catches a fold whose state does not fit its schema, without any fault", () =>
    Effect.gen(function* () {
      const violations = yield* violationsOf(12, of(untidyFold), 1)
      assert.isNotEmpty(violations)
    })
  )

  it.live("catches a handler that executes commands together one after the other", () =>
    Effect.gen(function* () {
      const failed = yield* failureOf({ handler: separateHandler }, 1)
      assert.match(failed.message, /is recorded on|are not one append|refused, and yet recorded/)
      assert.isAtMost(failed.faults.length, 1, failed.message)
    })
  )

  it.live("catches processes that leave out some of their events, without any fault", () =>
    Effect.gen(function* () {
      const [first] = yield* violationsOf(5, { processes: [forgetfulRestock] }, 1)
      assert.match(first?.message ?? "", /process restock/)
    })
  )
})
