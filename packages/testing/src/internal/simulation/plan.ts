/**
 * Which faults come, drawn at each occasion from the seed and the number of the occasion alone: so the same ones can be had again,
 * all of them or some.
 */
import { type Fault, type Kind, kind as kindOf, kinds } from "../../Fault.ts"
import * as Dice from "./dice.ts"

export interface Plan {
  /** At an occasion for faults of these kinds: one that comes, with dice for what it needs. */
  readonly occasion: (...of: ReadonlyArray<Kind>) => Occurrence | undefined
  /** Whether faults of this kind may come in this history, let in or not. */
  readonly knows: (kind: Kind) => boolean
  /** Those that came, in their order. */
  readonly injected: ReadonlyArray<Fault>
  /** From now on none comes. */
  readonly end: () => void
}

export interface Occurrence {
  readonly kind: Kind
  readonly dice: Dice.Dice
}

/** How often a fault comes that a history has at all, in each of its occasions. */
const RATES = [0.005, 0.02, 0.1]

/** Kinds whose occasions are steps of fibers, of which a history has thousands. */
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
  /** No faults but these. */
  readonly only?: ReadonlySet<Fault> | undefined
  /** How much of each rate is left, from 0 to 1; 1 unless given. */
  readonly share?: number | undefined
}

/** Whether a fault of one of the kinds has come. */
export const came = ({ injected }: Plan, ...of: ReadonlyArray<Kind>): boolean =>
  injected.some((fault) => of.includes(kindOf(fault)))

/**
 * Each history has about half of the kinds, each at a rate of its own: all at once would hide what needs long quiet stretches
 * (swarm testing: Groce et al., ISSTA 2012).
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
      // Each kind counts its own occasions, whether another one came or not.
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
