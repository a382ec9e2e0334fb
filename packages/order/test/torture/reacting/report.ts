/**
 * The report of a torture with reactors: a line for each kind of finding, all of which must be 0.
 */
import * as Attacks from "./attacks.ts"
import type { Torture } from "./torture.ts"

/** The findings of each kind that are printed. */
const SHOWN = 5

export const report = ({
  attacks,
  commands,
  doubtful,
  events,
  findings,
  orders,
  repeated
}: Torture) => {
  const counted = (name: string, count: number) => `  ${String(count).padStart(6)}  ${name}`
  const lines = [
    `${orders} orders, ${commands} commands, ${doubtful} of them sent again without an answer`,
    "events:",
    ...Array.from(events, ([type, count]) => counted(type, count)).toSorted(),
    "attacks:",
    ...Array.from(attacks, ([kind, count]) => counted(Attacks.describe(kind), count)),
    "repeated, as they may be:",
    ...Array.from(repeated, ([what, count]) => counted(what, count)),
    "compared:",
    ...Array.from(findings, ([line, found]) => `${line}: ${found.length}`),
    ...Array.from(findings, ([line, found]) =>
      found.slice(0, SHOWN).map((finding) => `${line}: ${finding}`)
    ).flat()
  ]
  return { lines, isClean: [...findings.values()].every(({ length }) => length === 0) }
}
