/**
 * How the hosts that keep read models share them out, and how they build anew.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/**
 * What a runner goes by.
 *
 * **Details**
 * `lease`: how long a read model stays with a host that is not heard of: when a host dies, another takes
 * over at the latest so much later, and a poll interval. It is renewed three times as often.
 * `pollInterval`: how often a host looks whether a read model is free, paused, resumed, or done elsewhere; what happens in
 * its own process it knows at once.
 * `build`: which build of the program this host runs, such as a commit: a host of another build tries the event again that
 * stopped a read model.
 * `partitions`: in how many parts a shadow is built whose rows are written at the same time, by key.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  readonly lease: Duration.Input
  readonly pollInterval: Duration.Input
  readonly partitions: number
  readonly build?: string
}

/**
 * What runners use unless provided otherwise: a lease of 10 seconds, a look each second, 2 partitions.
 *
 * **Details**
 * Ten seconds outlast a full garbage collection and a short loss of the network, so that hosts don't take read
 * models from each other for nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Settings = { lease: "10 seconds", pollInterval: "1 second", partitions: 2 }

/**
 * The settings of the runner, {@link defaults} unless provided otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const RunnerSettings = Context.Reference<Settings>("@daybook/projections/RunnerSettings", {
  defaultValue: () => defaults
})
