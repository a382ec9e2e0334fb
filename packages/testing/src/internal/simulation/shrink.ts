/**
 * Finds a history with few faults that fails as another one with many did: one without any, if there is one; else one with a few, of
 * which those are left out that it does not need.
 *
 * That is done by halves: the minimising delta debugging of Zeller and Hildebrandt (IEEE TSE 28, 2002), over kinds of faults first and
 * then over faults, as in the hierarchical one of Misherghi and Su (ICSE 2006).
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

/** So many histories are run at most. */
const TRIES = 300

/** So many orders of the steps of the same seed, and then so many of the seeds that follow, are tried with no faults and with few. */
const OTHER_SCHEDULES = 8
const OTHER_SEEDS = 32

/** A tenth of the faults, at most eight, are not many to try one by one. */
const SHARE = 0.1
const FEW = 8

/** Without some faults all steps come in another order, so some orders are tried: two, and more where little is left to leave out. */
const SCHEDULES = [1, 2, 3, 4, 5, 6, 7]

/**
 * A history that breaks the first invariant that `failed` breaks: what was broken first is where it comes from, and the rest follows.
 */
export const shrink = async (
  failed: History,
  run: (steps: Steps, limits: Limits) => Promise<History>
): Promise<Shrunk> => {
  const invariant = failed.violations[0]?.invariant
  let left = TRIES
  let smallest: Shrunk = { schedule: 0, history: failed }

  const fails = async (steps: Steps, limits: Limits, most: number): Promise<boolean> => {
    if (left-- <= 0) return false
    const history = await run(steps, limits)
    const { faults, violations } = history
    if (faults.length > most || !violations.some((one) => one.invariant === invariant)) return false
    smallest = { schedule: steps.schedule, history }
    return true
  }

  const others = (schedules: number): ReadonlyArray<Steps> => {
    const { seed } = failed
    return [
      ...Array.from({ length: schedules }, (_, schedule) => ({ seed, schedule })),
      ...Array.from({ length: OTHER_SEEDS }, (_, count) => ({
        seed: seed + count + 1,
        schedule: 0
      }))
    ]
  }
  for (const steps of others(OTHER_SCHEDULES)) {
    if (await fails(steps, { only: new Set() }, 0)) return smallest
  }
  // One order of steps is enough: what comes of a few faults differs by the faults.
  if (failed.faults.length > FEW) {
    for (const steps of others(1)) if (await fails(steps, { share: SHARE }, FEW)) break
  }

  /** The faults that came, of those that were let in, if it fails with them. */
  const needed = async (faults: ReadonlyArray<Fault>) => {
    const { history, schedule } = smallest
    const schedules = history.faults.length <= FEW ? SCHEDULES : SCHEDULES.slice(0, 1)
    const limits = { only: new Set(faults) }
    for (const other of new Set([schedule, ...schedules])) {
      const steps = { seed: history.seed, schedule: other }
      if (await fails(steps, limits, faults.length)) return smallest.history.faults
    }
    return undefined
  }
  const { faults } = smallest.history
  await minimise(Array.from(new Set(faults.map(kind))), async (some) => {
    const kept = await needed(faults.filter((fault) => some.includes(kind(fault))))
    return kept && Array.from(new Set(kept.map(kind)))
  })
  await minimise(smallest.history.faults, needed)
  return smallest
}

/**
 * A part of `all`, as small as is found, with which something holds: a piece alone, or all but some pieces, for smaller and smaller
 * pieces. `needed`: what of a part it holds with, if it does.
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
