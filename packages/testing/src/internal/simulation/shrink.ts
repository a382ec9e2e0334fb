/**
 * Finds a history with few faults that fails like one with many. If some history without faults
 * fails, it is the result; otherwise it takes a history with few faults and leaves out those that
 * the failure does not need.
 *
 * It leaves faults out by halves: the minimising delta debugging of Zeller and Hildebrandt (IEEE
 * TSE 28, 2002), over kinds of faults first and then over faults, as in the hierarchical one of
 * Misherghi and Su (ICSE 2006). As that may use up its runs, the rest is tried without each fault
 * at the end.
 */
import { type Fault, kind } from "../../simulation/Fault.ts"
import type { History } from "./history.ts"
import type { Limits } from "./plan.ts"

export interface Steps {
  readonly seed: number
  readonly schedule: number
}

export interface Shrunk {
  readonly schedule: number
  readonly history: History
}

/**
 * The limits on runs: `TRIES` in all; `TRIES_EACH` to leave faults out of one history, which may
 * need them all; and `TRIES_LAST` reserved for leaving out faults one by one at the end.
 */
const TRIES = 500
const TRIES_EACH = 100
const TRIES_LAST = 100

/** The number of other orders of steps, and of following seeds, that are tried without faults. */
const OTHER_SCHEDULES = 8
const OTHER_SEEDS = 32

/**
 * The shares of their faults with which the following seeds are tried too: fewer faults leave less
 * to leave out.
 */
const SHARES = [0.1, 0.3]

/**
 * The search stops at `ENOUGH` faults. A history of at most `FEW` is reduced before others are
 * searched.
 */
const ENOUGH = 2
const FEW = 8

/**
 * Leaving out faults changes the order of all steps, so several orders are tried: two, and more
 * when few faults are left.
 */
const SCHEDULES = [1, 2, 3, 4, 5, 6, 7]

/**
 * The invariants that break before the audit: an error, and work that hangs or takes too long. In
 * the list of violations they stand after the audit's.
 */
const ON_THE_WAY: ReadonlySet<number> = new Set([0, 14])

type Attempt = (steps: Steps, limits: Limits) => Promise<Shrunk | undefined>

/**
 * Searches for a history that breaks the same invariant as `failed`: one of {@link ON_THE_WAY},
 * because it may cause the others, or else the first that the audit names.
 */
export const shrink = async (
  failed: History,
  run: (steps: Steps, limits: Limits) => Promise<History>
): Promise<Shrunk> => {
  const { seed } = failed
  const invariants = failed.violations.map((one) => one.invariant)
  const invariant = invariants.find((one) => ON_THE_WAY.has(one)) ?? invariants[0]
  let left = TRIES - TRIES_LAST
  const attempt: Attempt = async (steps, limits) => {
    if (left-- <= 0) return undefined
    const history = await run(steps, limits)
    return history.violations.some((one) => one.invariant === invariant)
      ? { schedule: steps.schedule, history }
      : undefined
  }

  const seeds = Array.from({ length: OTHER_SEEDS }, (_, count) => seed + count + 1)
  const quiet: ReadonlyArray<Steps> = [
    ...Array.from({ length: OTHER_SCHEDULES }, (_, schedule) => ({ seed, schedule })),
    ...seeds.map((other) => ({ seed: other, schedule: 0 }))
  ]
  for (const steps of quiet) {
    const found = await attempt(steps, { only: new Set() })
    if (found !== undefined) return found
  }

  let smallest: Shrunk = { schedule: 0, history: failed }
  const reduced = async (one: Shrunk, tries = TRIES_EACH) => {
    const found = await reduce(one, attempt, tries)
    if (found.history.faults.length < smallest.history.faults.length) smallest = found
    return smallest.history.faults.length <= ENOUGH
  }
  const search = async () => {
    if (failed.faults.length <= FEW && (await reduced(smallest))) return
    for (const share of SHARES) {
      for (const other of [seed, ...seeds]) {
        const found = await attempt({ seed: other, schedule: 0 }, { share })
        if (found !== undefined && (await reduced(found))) return
      }
    }
    let before = Infinity
    while (smallest.history.faults.length > FEW && smallest.history.faults.length < before) {
      before = smallest.history.faults.length
      await reduced(smallest)
    }
  }
  await search()
  left = Math.max(left, 0) + TRIES_LAST
  for (;;) {
    smallest = await oneByOne(smallest, attempt)
    if (smallest.history.faults.length <= ENOUGH) return smallest
    const before = smallest
    // Faults that can't be left out one by one may be left out together.
    await reduced(smallest, left)
    if (smallest === before) return smallest
  }
}

/**
 * Leaves out every fault that can be left out alone, in the history's order of steps first, then in
 * others.
 */
const oneByOne = async (from: Shrunk, attempt: Attempt): Promise<Shrunk> => {
  let smallest = from
  let faults = from.history.faults
  // The search has already tried histories without faults.
  search: while (faults.length > 1) {
    const { history, schedule } = smallest
    for (const other of new Set([schedule, ...SCHEDULES])) {
      for (const [index, fault] of faults.entries()) {
        const only = new Set(history.faults.filter((one) => one !== fault))
        const found = await attempt({ seed: history.seed, schedule: other }, { only })
        if (found === undefined) continue
        smallest = found
        const came = new Set(found.history.faults)
        // Continues after this fault; the ones before it are tried again at the end.
        faults = [...faults.slice(index + 1), ...faults.slice(0, index)].filter((one) =>
          came.has(one)
        )
        continue search
      }
    }
    return smallest
  }
  return smallest
}

/**
 * Reduces the faults of a history to the few that it was found to need: first the kinds, then the
 * faults.
 */
const reduce = async (from: Shrunk, attempt: Attempt, tries: number): Promise<Shrunk> => {
  let left = tries
  let smallest = from
  /** Lets in `faults`, and returns those that happened if the history still fails. */
  const needed = async (faults: ReadonlyArray<Fault>) => {
    const { history, schedule } = smallest
    const schedules = history.faults.length <= FEW ? SCHEDULES : SCHEDULES.slice(0, 1)
    for (const other of new Set([schedule, ...schedules])) {
      if (left-- <= 0) return undefined
      const found = await attempt(
        { seed: history.seed, schedule: other },
        { only: new Set(faults) }
      )
      if (found === undefined) continue
      smallest = found
      return found.history.faults
    }
    return undefined
  }
  const { faults } = from.history
  await minimise(Array.from(new Set(faults.map(kind))), async (some) => {
    const kept = await needed(faults.filter((fault) => some.includes(kind(fault))))
    return kept && Array.from(new Set(kept.map(kind)))
  })
  await minimise(smallest.history.faults, needed)
  return smallest
}

/**
 * Tries smaller and smaller parts of `all`: a piece alone, or all but some pieces. `needed` returns
 * the elements of a part that are needed, if the property still holds with it; its last result is
 * the smallest that was found.
 */
const minimise = async <A>(
  all: ReadonlyArray<A>,
  needed: (some: ReadonlyArray<A>) => Promise<ReadonlyArray<A> | undefined>
): Promise<void> => {
  let kept = all
  let size = Math.ceil(all.length / 2)
  while (kept.length > 1) {
    const before = kept.length
    let alone: ReadonlyArray<A> | undefined
    for (let start = 0; start < before && alone === undefined; start += size) {
      alone = await needed(kept.slice(start, start + size))
    }
    if (alone !== undefined) {
      kept = alone
    } else {
      // With two pieces, each has already been tried without the other.
      for (let start = 0; start < kept.length && size * 2 < kept.length;) {
        const without = await needed([...kept.slice(0, start), ...kept.slice(start + size)])
        if (without === undefined) start += size
        else kept = without
      }
    }
    // An element that was needed before may be left out now that others are gone.
    if (size === 1 && kept.length === before) break
    size = Math.max(1, Math.min(Math.floor(size / 2), Math.ceil(kept.length / 2)))
  }
}
