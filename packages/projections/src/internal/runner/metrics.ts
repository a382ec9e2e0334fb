/**
 * The metrics of the runner, by read model.
 */
import * as Metric from "effect/Metric"

export const events = Metric.counter("daybook_projection_events", {
  description: "Recorded events that read models have taken in, by projection and role"
})
export const steps = Metric.counter("daybook_projection_steps", {
  description: "Steps of checkpoints, by projection and role"
})
export const stops = Metric.counter("daybook_projection_stops", {
  description: "Events that a read model could not fold, by projection and reason"
})
export const claims = Metric.counter("daybook_projection_claims", {
  description: "Claims of read models, by projection and outcome: taken or lost"
})
export const retries = Metric.counter("daybook_projection_retries", {
  description: "Failures of a store that the runner tries again after, by projection"
})
