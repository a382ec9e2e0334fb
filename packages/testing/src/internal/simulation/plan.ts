/**
 * Decides the faults of a history. Each is drawn from the seed and the number of its occasion
 * alone, so that the same ones can happen again, all of them or some.
 */
import { type Fault, type Kind, kind as kindOf, kinds } from "../../simulation/Fault.ts"
import * as Dice from "./dice.ts"

export interface Plan {
  /**
   * Offers an occasion for faults of these kinds; returns the one that happens, with dice for its
   * details.
   */
  readonly occasion: (...of: ReadonlyArray<Kind>) => Occurrence | undefined
  /** Returns whether faults of this kind may happen in this history, let in or not. */
  readonly knows: (kind: Kind) => boolean
  /** The faults that happened, in their order. */
  readonly injected: ReadonlyArray<Fault>
  /** Stops all further faults. */
  readonly end: () => void
}

export interface Occurrence {
  readonly kind: Kind
  readonly dice: Dice.Dice
}

/** The rates at which a fault of the history happens, for each of its occasions. */
const RATES = [0.005, 0.02, 0.1]

/** The kinds whose occasions are steps of fibers, of which a history has thousands. */
const PER_STEP: ReadonlyArray<Kind> = [
  "host-freezes",
  "host-stops",
  "host-sleeps",
  "rows-rebuilt",
  "log-restored"
]

/** The kind whose occasions are starts of hosts, of which a history has a few. */
const PER_START: Kind = "old-host"

export interface Limits {
  /** The only faults that may happen; any by default. */
  readonly only?: ReadonlySet<Fault> | undefined
  /** The share of each rate to keep, from 0 to 1; 1 by default. */
  readonly share?: number | undefined
}

/** Returns whether a fault of one of the kinds has happened. */
export const came = ({ injected }: Plan, ...of: ReadonlyArray<Kind>): boolean =>
  injected.some((fault) => of.includes(kindOf(fault)))

/**
 * Builds the plan of a history. It has about half of the kinds, each at a rate of its own, because
 * all kinds at once would hide bugs that need long quiet stretches (swarm testing: Groce et al.,
 * ISSTA 2012).
 */
export const make = (seed: number, { only, share = 1 }: Limits): Plan => {
  const rates = new Map<Kind, number>()
  const known = new Set<Kind>()
  for (const kind of Object.keys(kinds) as ReadonlyArray<Kind>) {
    const dice = Dice.make(seed, `rate of ${kind}`)
    const isKnown = dice.chance(0.5)
    if (isKnown) known.add(kind)
    const rate = isKnown ? share * dice.pick(RATES) : 0
    rates.set(kind, PER_STEP.includes(kind) ? rate / 20 : kind === PER_START ? rate * 5 : rate)
  }
  const counts = new Map<Kind, number>()
  const injected: Array<Fault> = []
  let ended = false
  return {
    occasion: (...of) => {
      if (ended) return undefined
      let found: Occurrence | undefined
      // Each kind counts its own occasions, even when another kind's fault happens.
      for (const kind of of) {
        const count = (counts.get(kind) ?? 0) + 1
        counts.set(kind, count)
        if (found !== undefined) continue
        const fault: Fault = `${kind}#${count}`
        const dice = Dice.make(seed, fault)
        const drawn = dice.chance(rates.get(kind) ?? 0)
        if (only === undefined ? !drawn : !only.has(fault)) continue
        injected.push(fault)
        found = { kind, dice }
      }
      return found
    },
    knows: (kind) => known.has(kind),
    injected,
    end: () => {
      ended = true
    }
  }
}
