import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../src/simulation/Fault.ts"
import type { History } from "../src/internal/simulation/history.ts"
import { shrink, type Steps } from "../src/internal/simulation/shrink.ts"

const KINDS = ["call-slow", "rows-late", "append-late"] as const

const faultsOf = (count: number): ReadonlyArray<Fault> =>
  Array.from({ length: count }, (_, n): Fault => `${KINDS[n % 3] ?? "call-slow"}#${n}`)

/** A history of a seed that breaks these invariants. */
const history = (
  seed: number,
  faults: ReadonlyArray<Fault>,
  invariants: ReadonlyArray<number>
): History => ({
  seed,
  faults,
  violations: invariants.map((invariant) => ({ invariant, message: "" })),
  commands: 0,
  events: 0,
  checks: new Map(),
  steps: 0,
  digest: 0
})

interface Candidate extends Steps {
  readonly faults: ReadonlyArray<Fault>
}

/** Shrinks a history of seed 1 and so many faults that breaks such invariants; `broken`: those that a part of it breaks. */
const shrunk = async (
  broken: (candidate: Candidate) => ReadonlyArray<number>,
  { count = 100, invariants = [3, 10] } = {}
) => {
  let runs = 0
  const { history: smallest, schedule } = await shrink(
    history(1, faultsOf(count), invariants),
    async ({ schedule, seed }, { only, share }) => {
      runs++
      // A tenth of those of another seed.
      const faults =
        only === undefined
          ? faultsOf(share === undefined ? count : Math.floor(count / 10))
          : [...only]
      return history(seed, faults, broken({ seed, schedule, faults }))
    }
  )
  return { seed: smallest.seed, schedule, faults: smallest.faults, runs }
}

describe("A failing history", () => {
  it("is shrunk to none of its faults where another order of its steps needs none", async () => {
    const found = await shrunk(({ schedule }) => (schedule === 5 ? [3] : []))
    assert.deepStrictEqual(found, { seed: 1, schedule: 5, faults: [], runs: 6 })
  })

  it("is shrunk to one of a seed that follows and needs no fault", async () => {
    const { faults, seed } = await shrunk((candidate) => (candidate.seed === 4 ? [3, 10] : []))
    assert.deepStrictEqual({ seed, faults }, { seed: 4, faults: [] })
  })

  it("is shrunk to the two faults that it needs, before its runs are up", async () => {
    const needed: ReadonlyArray<Fault> = ["call-slow#33", "append-late#98"]
    const found = await shrunk(({ faults }) =>
      needed.every((one) => faults.includes(one)) ? [3] : []
    )
    assert.deepStrictEqual(found.faults, needed)
    assert.isBelow(found.runs, 500)
  })

  it("is not shrunk to one that breaks another invariant, also when it breaks more", async () => {
    const needed: Fault = "append-late#50"
    const found = await shrunk(({ faults }) => (faults.includes(needed) ? [1, 3] : [10]))
    assert.deepStrictEqual(found.faults, [needed])
  })

  it("is shrunk by what went wrong on the way, before what the audit found after it", async () => {
    for (const first of [0, 14]) {
      const needed: Fault = "append-late#50"
      const found = await shrunk(({ faults }) => (faults.includes(needed) ? [10, first] : [10]), {
        invariants: [10, first]
      })
      assert.deepStrictEqual(found.faults, [needed])
    }
  })

  it("stays as it is when no part of it fails", async () => {
    const { faults, seed } = await shrunk(({ faults }) => (faults.length === 100 ? [3] : []))
    assert.deepStrictEqual({ seed, faults }, { seed: 1, faults: faultsOf(100) })
  })

  it("is shrunk to all faults that it needs and no other, whatever the order of its steps", async () => {
    for (const [count, places] of [
      [9, [2, 4, 6]],
      [9, [0, 1, 3, 4, 5]],
      [100, [11, 33, 90]],
      [100, [9, 45, 72, 91]],
      [300, [27, 42, 44, 47]]
    ] as const) {
      const needed = places.flatMap((place) => faultsOf(count)[place] ?? [])
      const found = await shrunk(
        ({ faults, seed }) =>
          seed === 1 && needed.every((one) => faults.includes(one)) ? [3] : [],
        { count }
      )
      assert.deepStrictEqual(found.faults, needed)
      assert.isAtMost(found.runs, 500)
    }
  })

  it("is left without a fault that only another order of its steps does not need", async () => {
    const needed: ReadonlyArray<Fault> = ["call-slow#3", "rows-late#4", "append-late#8"]
    const found = await shrunk(
      ({ faults, schedule, seed }) =>
        seed === 1 && needed.slice(schedule === 6 ? 1 : 0).every((one) => faults.includes(one))
          ? [3]
          : [],
      { count: 9 }
    )
    assert.deepStrictEqual(found.faults, needed.slice(1))
  })
})
