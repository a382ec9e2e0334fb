/**
 * Decides from samples of read models and subscriptions whether they kept up with the log.
 */
import type { State } from "@daybook/projections/ProjectionStatus"
import { MAX_BACKLOG } from "@daybook/store/Subscription"

/** A sample of a read model or a subscription. */
export interface Look {
  readonly second: number
  /** The progress, in numbers of its own that only grow. */
  readonly at: bigint
  /** The number of events left to it. */
  readonly behind: number
  /** The state of a read model; absent for a subscription. */
  readonly state?: State
  /** The error that stops a host from maintaining it; empty if none. */
  readonly lastError?: string
}

export interface Follower {
  readonly name: string
  readonly looks: ReadonlyArray<Look>
}

/**
 * The longest time that a follower may be idle while events wait: the lease of a lost host and some
 * seconds more.
 */
const PATIENCE_SECONDS = 30

/** Describes the faults of a follower that did not keep up, once for each kind of fault. */
export const faultsOf = ({ looks, name }: Follower): ReadonlyArray<string> => {
  const faults = new Map<string, string>()
  const found = (kind: string, words: string) => {
    if (!faults.has(kind)) faults.set(kind, `${name} ${words}`)
  }
  /** The first of the consecutive looks at which it had events left and was in the same place. */
  let idle: Look | undefined
  /** The first of the consecutive looks at which no host maintained it. */
  let left: Look | undefined
  for (const look of looks) {
    const { at, behind, state, lastError = "", second } = look
    const why = lastError === "" ? "" : `: ${lastError}`
    if (state === "stopped" || state === "paused") {
      found("state", `is ${state}${why}`)
      break
    }
    if (behind >= MAX_BACKLOG) found("behind", `is ${MAX_BACKLOG} events behind, or more${why}`)
    left = state === "waiting" ? (left ?? look) : undefined
    if (left !== undefined && second - left.second >= PATIENCE_SECONDS) {
      found("left", `is maintained by no host${why}`)
    }
    if (behind === 0) idle = undefined
    else if (at !== idle?.at) idle = look
    else if (second - idle.second >= PATIENCE_SECONDS) {
      found("idle", `stands still and has ${behind} events left${why}`)
    }
  }
  const last = looks.at(-1)
  if ((last === undefined || last.at === 0n) && !faults.has("state"))
    found("never", "never read an event")
  return Array.from(faults.values())
}
