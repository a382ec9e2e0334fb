/**
 * The settings by which hosts share read models out among themselves, and rebuild them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/**
 * The settings of a runner.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * The time that a read model stays with a host that does not renew its claim. When a host dies,
   * another host takes over after at most the lease and a poll interval. A host renews all its
   * claims together, when a third of the lease has passed. It waits a third of the lease for the
   * answer, and gives its claims up once renewals have failed for the lease.
   */
  readonly lease: Duration.Input
  /**
   * The interval at which a host checks whether a read model is free, paused, resumed, or finished
   * by another host, one statement for all its read models. Changes in its own process it notices
   * at once. Also the interval at which it moves the checkpoints of read models that have read on
   * without an event of their own: at once if a caller waits for it, and with each renewal.
   */
  readonly pollInterval: Duration.Input
  /** The number of parts of a shadow, split by key, that are written at the same time. */
  readonly parallelism: number
  /**
   * The build of the program that this host runs, such as a commit. A host of another build retries
   * the event that stopped a read model.
   */
  readonly build?: string
}

/**
 * The default settings: a lease of 10 seconds, a poll each second, a parallelism of 2.
 *
 * **Details**
 * Ten seconds outlast a full garbage collection and a short loss of the network, so that hosts
 * don't take read models from each other without need.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Settings = { lease: "10 seconds", pollInterval: "1 second", parallelism: 2 }

/**
 * The settings of the runner, {@link defaults} unless provided otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const RunnerSettings = Context.Reference<Settings>("@daybook/projections/RunnerSettings", {
  defaultValue: () => defaults
})
