/**
 * Measures the lag and the state of reactors, for alerts.
 *
 * A reactor counts what it does; one that no host runs, or that an event has stopped, does nothing
 * that could be counted. So these metrics are measured from outside.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { ConsumerGroups } from "./ConsumerGroups.ts"
import { type GroupStatus, State } from "./GroupStatus.ts"
import { Reactors } from "./Reactors.ts"

const lagEvents = Metric.gauge("daybook_reactor_lag_events", {
  description: "Settled events after the lowest checkpoint of a reactor, by reactor"
})
const lagSeconds = Metric.gauge("daybook_reactor_lag_seconds", {
  description: "Seconds that the earliest of those events has waited, by reactor"
})
const parkedKeys = Metric.gauge("daybook_reactor_parked_keys", {
  description: "Keys that an event holds back, by reactor"
})
const oldestParked = Metric.gauge("daybook_reactor_oldest_parked_seconds", {
  description: "Seconds since the last attempt at the held key that waits longest, by reactor"
})
const inState = Metric.gauge("daybook_reactor_state", {
  description: "1 for the present state of a reactor, 0 for the others, by reactor and state"
})

/**
 * The options of the measurements.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  /** The time from the end of one measurement to the next; 10 seconds when absent. */
  readonly interval?: Duration.Input | undefined
  /** Groups that are measured too, such as those that `groupNames` of `ProcessRunner` returns. */
  readonly groups?: ReadonlyArray<string> | undefined
}

/**
 * Measures the reactors of a host at once, and then at an interval.
 *
 * **Details**
 * A measurement takes a few statements for each reactor.
 * While a status can't be read, or all take longer than the interval, there are no such metrics,
 * rather than old ones.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({ groups = [], interval = "10 seconds" }: Options = {}): Layer.Layer<
  never,
  never,
  Reactors | ConsumerGroups
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { statuses } = yield* Reactors
      const { status } = yield* ConsumerGroups
      const others = Effect.forEach(groups, (name) =>
        status(name).pipe(
          Effect.map((one) => [one]),
          // It has not begun yet.
          Effect.catchTag("UnknownGroup", () => Effect.succeed([]))
        )
      )
      let known: ReadonlyArray<Sample> = []
      const measure = Effect.gen(function* () {
        const exit = yield* Effect.all([statuses, others]).pipe(
          Effect.map(([ofReactors, ofOthers]) => [...ofReactors, ...ofOthers.flat()]),
          Effect.withTracerEnabled(false),
          Effect.timeout(interval),
          Effect.exit
        )
        if (Exit.isFailure(exit)) {
          yield* Effect.logWarning("The reactors can't be measured", exit.cause)
          return yield* Effect.forEach(known, ([gauge]) => Metric.remove(gauge))
        }
        const now = yield* DateTime.now
        known = exit.value.flatMap((status) => samplesOf(status, now))
        return yield* Effect.forEach(known, ([gauge, value]) => Metric.update(gauge, value))
      })
      yield* measure.pipe(Effect.andThen(Effect.sleep(interval)), Effect.forever, Effect.forkScoped)
    })
  )

type Sample = readonly [gauge: Metric.Gauge<number>, value: number]

const samplesOf = (
  { held, lagEvents: events, lagMillis, name: reactor, state }: GroupStatus,
  now: DateTime.Utc
): ReadonlyArray<Sample> => {
  const waits = held.map(({ at }) => DateTime.toEpochMillis(now) - DateTime.toEpochMillis(at))
  return [
    [Metric.withAttributes(lagEvents, { reactor }), events],
    [Metric.withAttributes(lagSeconds, { reactor }), lagMillis / 1_000],
    [Metric.withAttributes(parkedKeys, { reactor }), held.length],
    [Metric.withAttributes(oldestParked, { reactor }), Math.max(0, ...waits) / 1_000],
    ...State.literals.map((one): Sample => [
      Metric.withAttributes(inState, { reactor, state: one }),
      one === state ? 1 : 0
    ])
  ]
}
