/**
 * How subscribers to a log in Postgres learn that another host has appended.
 *
 * Subscribers of the store that appends need none of it: it wakes them itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/**
 * The way in which hosts wake one another, and how long a subscriber does without.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * Whether the subscribers of a store share a connection, besides the client's, that listens for appends; `auto`: unless
   * `Postgres.layer` found a pooler.
   */
  readonly listen: boolean | "auto"
  /** How long a subscriber waits at most before it looks by itself. */
  readonly pollInterval: Duration.Input
  /** How often the listening connection is tried, and how long its answer may take; a read may take three. */
  readonly heartbeatInterval: Duration.Input
}

/**
 * What the stores use unless provided otherwise: they listen unless there is a pooler, poll each second, and try the
 * connection each 5 seconds.
 *
 * **Details**
 * `listen`: false behind a pooler that gives a connection to others between transactions. Then
 * `pollInterval` is how late a subscriber may be.
 * There is polling with it too: a host that dies between commit and `NOTIFY` wakes nobody. A look takes
 * a fraction of a millisecond, so each second is cheap and not late.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Settings = {
  listen: "auto",
  pollInterval: "1 second",
  heartbeatInterval: "5 seconds"
}

/**
 * The settings of the Postgres stores, {@link defaults} unless provided otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const PostgresWakeUp = Context.Reference<Settings>("@daybook/store/PostgresWakeUp", {
  defaultValue: () => defaults
})
