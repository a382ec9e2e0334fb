/**
 * The metrics of the command handler.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"

type Attributes = Readonly<Record<string, string>>

const by = (counter: Metric.Counter<number>) => {
  // Each set of attributes is a metric of its own, whose key costs more to build than the count
  // costs. There are few sets, so the metrics are cached.
  const counters = new Map<string, Metric.Counter<number>>()
  return (attributes: Attributes, n = 1): Effect.Effect<void> => {
    const key = Object.values(attributes).join()
    let one = counters.get(key)
    if (one === undefined) {
      one = Metric.withAttributes(counter, attributes)
      counters.set(key, one)
    }
    return Metric.update(one, n)
  }
}

const commands = by(
  Metric.counter("daybook_commands", {
    description: "Commands answered, by category and outcome: accepted, repeated or rejected"
  })
)

/** Counts the answers of a call by their outcomes. */
export const answers = (
  category: string,
  given: ReadonlyArray<Result.Result<{ readonly repeated: boolean }, unknown>>
): Effect.Effect<void> => {
  const counts = { accepted: 0, repeated: 0, rejected: 0 }
  for (const answer of given) counts[outcomeOf(answer)]++
  // Usually all answers have one outcome, so one metric is updated.
  return Effect.forEach(
    (["accepted", "repeated", "rejected"] as const).filter((outcome) => counts[outcome] > 0),
    (outcome) => commands({ category, outcome }, counts[outcome]),
    { discard: true }
  )
}

const outcomeOf = (answer: Result.Result<{ readonly repeated: boolean }, unknown>) =>
  Result.isFailure(answer) ? "rejected" : answer.success.repeated ? "repeated" : "accepted"

export const conflicts = by(
  Metric.counter("daybook_command_conflicts", {
    description: "Appends of commands that lost a race, by category"
  })
)
export const retries = by(
  Metric.counter("daybook_command_retries", {
    description: "Decisions that were taken again after a lost race, by category"
  })
)
export const loadedEvents = by(
  Metric.counter("daybook_loaded_events", {
    description: "Stored events read to load states, by category"
  })
)
export const cacheLookups = by(
  Metric.counter("daybook_state_cache", {
    description: "Looks into the cache of states, by category and outcome: hit or miss"
  })
)
export const snapshotsUsed = by(
  Metric.counter("daybook_snapshots_used", {
    description: "States that were loaded from a snapshot, by category"
  })
)
export const snapshotsIgnored = by(
  Metric.counter("daybook_snapshots_ignored", {
    description:
      "Snapshots that were found and not used, by category and reason: fingerprint, undecodable, beyond, foreign or unreadable"
  })
)
export const snapshotsTaken = by(
  Metric.counter("daybook_snapshots_taken", {
    description:
      "Snapshots that a policy asked for, by category and outcome: saved, failed or skipped"
  })
)
export const snapshotsChecked = by(
  Metric.counter("daybook_snapshots_checked", {
    description:
      "Known states that were compared with a fold of all events, by category and outcome: right or false"
  })
)
export const fingerprintsMissing = by(
  Metric.counter("daybook_fingerprints_missing", {
    description: "Aggregates that get no snapshots since their fold has no fingerprint, by category"
  })
)
