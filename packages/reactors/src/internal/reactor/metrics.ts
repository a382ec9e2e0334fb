/**
 * The metrics that reactors count themselves.
 */
import * as Metric from "effect/Metric"

export const attempts = Metric.counter("daybook_reactor_attempts", {
  description: "Attempts of reactions to an event, by reactor",
  incremental: true
})

export const failures = Metric.counter("daybook_reactor_failures", {
  description: "Attempts of reactions that failed, by reactor",
  incremental: true
})
