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
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
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

const shadowStopped = Metric.gauge("daybook_projection_shadow_stopped", {
  description:
    "1 while an event has stopped the rows that are being built of a read model, else 0, by projection"
})

/**
 * Measures the read models of a host at once, and then at an interval.
 *
 * **Details**
 * `interval`: from the end of one measurement to the next; 10 seconds when absent. Each takes a few
 * statements for each read model, so it should not be much shorter than the interval at which the
 * metrics are collected.
 * While the status of the read models can't be read, or takes longer than the interval, there are
 * no such metrics, rather than old ones.
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
      let looking: Fiber.Fiber<ReadonlyArray<Status>, unknown> | undefined
      let isMeasured = true
      yield* Effect.addFinalizer(() => Effect.sync(() => looking?.interruptUnsafe()))
      const measure = Effect.gen(function* () {
        // A query on a connection that stalls can't be interrupted: it is left alone, and no other
        // one begins until it has ended.
        if (looking === undefined || looking.pollUnsafe() !== undefined) {
          looking = yield* statuses.pipe(Effect.withTracerEnabled(false), Effect.forkDetach)
        }
        const exit = yield* Effect.timeoutOption(Fiber.await(looking), interval)
        const answer = Option.getOrElse(exit, () => Exit.fail("no answer in time"))
        if (Exit.isSuccess(answer)) {
          isMeasured = true
          known = answer.value.flatMap(samplesOf)
          return yield* Effect.forEach(known, ([gauge, value]) => Metric.update(gauge, value))
        }
        if (isMeasured) yield* Effect.logWarning("The read models can't be measured", answer.cause)
        isMeasured = false
        return yield* Effect.forEach(known, ([gauge]) => Metric.remove(gauge))
      })
      yield* measure.pipe(Effect.andThen(Effect.sleep(interval)), Effect.forever, Effect.forkScoped)
    })
  )

type Sample = readonly [gauge: Metric.Gauge<number>, value: number]

const samplesOf = (status: Status): ReadonlyArray<Sample> => {
  const { name: projection, state } = status
  return [
    [Metric.withAttributes(lagSeconds, { projection }), status.lagMillis / 1_000],
    [Metric.withAttributes(lagEvents, { projection }), status.lagEvents],
    [
      Metric.withAttributes(shadowStopped, { projection }),
      Option.exists(status.building, ({ poison }) => Option.isSome(poison)) ? 1 : 0
    ],
    ...State.literals.map((one): Sample => [
      Metric.withAttributes(inState, { projection, state: one }),
      one === state ? 1 : 0
    ])
  ]
}
