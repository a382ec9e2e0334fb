/**
 * Finds a history with few faults that fails as another one with many did: one without any, if there is one; else one with a few, of
 * which those are left out that it does not need.
 *
 * That is done by halves: the minimising delta debugging of Zeller and Hildebrandt (IEEE TSE 28, 2002), over kinds of faults first and
 * then over faults, as in the hierarchical one of Misherghi and Su (ICSE 2006). As that may use up its runs, what is left is tried without
 * each fault in the end.
 */
import { type Fault, kind } from "../../Fault.ts"
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
 * So many histories are run at most; so many to leave faults out of one of them, which may be one that needs them all; and so many are
 * kept for the last, to leave out faults one by one.
 */
const TRIES = 500
const TRIES_EACH = 100
const TRIES_LAST = 100

/** So many orders of the steps of the same seed are tried without faults, and so many of the seeds that follow. */
const OTHER_SCHEDULES = 8
const OTHER_SEEDS = 32

/** Those seeds are also tried with so much of their faults: the fewer there are, the less there is to leave out. */
const SHARES = [0.1, 0.3]

/** No smaller list is looked for than one of so many faults; one of few is made smaller before others are looked for. */
const ENOUGH = 2
const FEW = 8

/** Without some faults all steps come in another order, so some orders are tried: two, and more where little is left to leave out. */
const SCHEDULES = [1, 2, 3, 4, 5, 6, 7]

/** An error, and what takes too long or goes on no more: they come before the audit, though they stand after what it finds. */
const ON_THE_WAY: ReadonlySet<number> = new Set([0, 14])

type Attempt = (steps: Steps, limits: Limits) => Promise<Shrunk | undefined>

/**
 * A history that breaks the same invariant as `failed`: one of those {@link ON_THE_WAY}, of which the rest may follow, or else the first
 * that the audit names.
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
    // Several may be left out together that can't be one by one.
    await reduced(smallest, left)
    if (smallest === before) return smallest
  }
}

/** The same history without any fault that can be left out alone: in its order of steps, and then in others. */
const oneByOne = async (from: Shrunk, attempt: Attempt): Promise<Shrunk> => {
  let smallest = from
  let faults = from.history.faults
  // A history without any was looked for before.
  search: while (faults.length > 1) {
    const { history, schedule } = smallest
    for (const other of new Set([schedule, ...SCHEDULES])) {
      for (const [index, fault] of faults.entries()) {
        const only = new Set(history.faults.filter((one) => one !== fault))
        const found = await attempt({ seed: history.seed, schedule: other }, { only })
        if (found === undefined) continue
        smallest = found
        const came = new Set(found.history.faults)
        // It goes on where it was; those before are tried again in the end.
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

/** The same history with as few of its faults as are found to be needed: as few kinds, and then as few of these. */
const reduce = async (from: Shrunk, attempt: Attempt, tries: number): Promise<Shrunk> => {
  let left = tries
  let smallest = from
  /** The faults that came, of those that were let in, if it fails with them. */
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
 * Asks for parts of `all`, smaller and smaller, with which something holds: a piece alone, or all but some pieces. `needed`: what of a
 * part it holds with, if it does; the last that it gave is the smallest that was found.
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
      // Of two pieces, one without the other was tried.
      for (let start = 0; start < kept.length && size * 2 < kept.length;) {
        const without = await needed([...kept.slice(0, start), ...kept.slice(start + size)])
        if (without === undefined) start += size
        else kept = without
      }
    }
    // What could stay before may be left out now that others are gone.
    if (size === 1 && kept.length === before) break
    size = Math.max(1, Math.min(Math.floor(size / 2), Math.ceil(kept.length / 2)))
  }
}
