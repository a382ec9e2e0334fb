/**
 * The rate at which read models fold, counted from what they had folded at each look. The rate in
 * their status is that of their last step, and stays when they rest.
 */

/** The rate is counted over this time, in milliseconds. */
const OVER = 60_000

interface Look {
  readonly at: number
  /** The generation that serves, whose events are counted. */
  readonly generation: number
  readonly events: number
}

/** The looks at each read model in the last minute, in their order. */
export type Looks = ReadonlyMap<string, ReadonlyArray<Look>>

/** Adds a look at a read model; one at another generation begins again. */
export const looked = (looks: Looks, name: string, look: Look): Looks => {
  const before = looks.get(name) ?? []
  const last = before.at(-1)
  if (last !== undefined && last.at >= look.at) return looks
  const isSame = last?.generation === look.generation && last.events <= look.events
  // The look before the minute began stays: the rate is of the whole minute.
  const first = before.findLastIndex(({ at }) => at <= look.at - OVER)
  const kept = isSame ? before.slice(Math.max(0, first)) : []
  return new Map([...looks, [name, [...kept, look]]])
}

/** Returns the events that a read model folded a second; undefined before the second look. */
export const foldedPerSecond = (looks: Looks, name: string): number | undefined => {
  const [first, ...later] = looks.get(name) ?? []
  const last = later.at(-1)
  return first === undefined || last === undefined
    ? undefined
    : ((last.events - first.events) * 1000) / (last.at - first.at)
}
