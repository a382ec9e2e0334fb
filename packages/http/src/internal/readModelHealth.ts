/**
 * Judges the statuses of read models for a health check.
 */
import type { Status } from "@daybook/projections/ProjectionStatus"
import type { Finding } from "../Health.ts"

export interface Limits {
  readonly lagMillis: number
  readonly lagEvents: number
  readonly refuseStopped: boolean
}

/** Judges all but the paused ones: an operator has decided that they may lag. */
export const judge = (statuses: ReadonlyArray<Status>, limits: Limits): Finding => {
  const judged = statuses.filter(({ state }) => state !== "paused")
  const stopped = judged.filter(({ state }) => state === "stopped")
  // A stopped one lags for as long as it is stopped, and is refused or not.
  const moving = judged.filter(({ state }) => state !== "stopped")
  const behind = moving.filter(
    ({ lagEvents, lagMillis }) => lagMillis > limits.lagMillis || lagEvents > limits.lagEvents
  )
  const longest = moving.reduce((most, { lagMillis }) => Math.max(most, lagMillis), 0)
  return {
    passes: behind.length === 0 && !(limits.refuseStopped && stopped.length > 0),
    facts: {
      behind: behind.length,
      stopped: stopped.length,
      lagSeconds: Math.round(longest / 1_000)
    }
  }
}
