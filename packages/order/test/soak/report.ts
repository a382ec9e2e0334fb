/**
 * The samples of a soak, and its report.
 */
import { faultsOf, type Follower } from "./progress.ts"
import { grows, type Series, tell } from "./trend.ts"

export interface Soak {
  readonly series: ReadonlyArray<Series>
  readonly followers: ReadonlyArray<Follower>
  readonly commands: number
  readonly events: number
  readonly given: number
  readonly errors: ReadonlyArray<string>
}

/** Describes all problems; empty after a good soak. */
export const wrong = ({ errors, followers, series }: Soak): ReadonlyArray<string> => [
  ...series.filter(grows).map(({ name }) => `${name} grows`),
  ...followers.flatMap(faultsOf),
  ...errors
]

/** Returns the lines of a report. */
export const report = (soak: Soak): ReadonlyArray<string> => {
  const { commands, events, given, series } = soak
  const found = wrong(soak)
  return [
    `${commands} commands, ${events} events, ${given} given to subscriptions`,
    ...series.map(tell),
    ...(found.length === 0
      ? ["nothing grows, and all followers of the log keep up"]
      : ["what is wrong:", ...found])
  ]
}
