/**
 * Measures the lag and the state of read models, for alerts.
 *
 * A runner counts what it does; a read model that no host maintains, or that an event has stopped,
 * does nothing that could be counted. So these metrics are measured from outside, by any host.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { Projections } from "./Projections.ts"
import { State, type Status } from "./ProjectionStatus.ts"

const lagSeconds = Metric.gauge("daybook_projection_lag_seconds", {
  description: "Seconds that the earliest event which a read model lacks has waited, by projection"
})
const lagEvents = Metric.gauge("daybook_projection_lag_events", {
  description: "Settled events that a read model lacks, by projection"
})
const inState = Metric.gauge("daybook_projection_state", {
  description: "1 for the present state of a read model, 0 for the others, by projection and state"
})

/**
 * Measures the read models of a host when it is built, and then at an interval.
 *
 * **Details**
 * `interval`: from the end of one measurement to the next; 10 seconds when absent. Each takes a few
 * statements for each read model, so it should not be much shorter than the interval at which the
 * metrics are collected.
 * While the status of the read models can't be read, there are no such metrics, rather than old
 * ones.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({
  interval = "10 seconds"
}: { readonly interval?: Duration.Input } = {}): Layer.Layer<never, never, Projections> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { statuses } = yield* Projections
      let known: ReadonlyArray<Sample> = []
      const measure = statuses.pipe(
        Effect.withTracerEnabled(false),
        Effect.flatMap((all) => {
          known = all.flatMap(samplesOf)
          return Effect.forEach(known, ([gauge, value]) => Metric.update(gauge, value))
        }),
        Effect.catch((error) =>
          Effect.andThen(
            Effect.logDebug("The read models can't be measured", error.message),
            Effect.forEach(known, ([gauge]) => Metric.remove(gauge))
          )
        )
      )
      yield* measure
      yield* Effect.sleep(interval).pipe(Effect.andThen(measure), Effect.forever, Effect.forkScoped)
    })
  )

type Sample = readonly [gauge: Metric.Gauge<number>, value: number]

const samplesOf = (status: Status): ReadonlyArray<Sample> => {
  const { name: projection, state } = status
  return [
    [Metric.withAttributes(lagSeconds, { projection }), status.lagMillis / 1_000],
    [Metric.withAttributes(lagEvents, { projection }), status.lagEvents],
    ...State.literals.map((one): Sample => [
      Metric.withAttributes(inState, { projection, state: one }),
      one === state ? 1 : 0
    ])
  ]
}
