/**
 * Listening for the appends of other hosts: the wake-ups of subscribers to a log in Postgres.
 *
 * Subscribers of the appending store don't need them: the store wakes them itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/**
 * The settings of wake-ups between hosts, and of polling.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * If true, the subscribers of a store share one connection, beside the client's, that listens for
   * appends. `auto` means true unless `Postgres.layer` found a pooler.
   */
  readonly listen: boolean | "auto"
  /** The longest time that a subscriber waits before it looks without a wake-up. */
  readonly pollInterval: Duration.Input
  /**
   * The interval and timeout of checks of the listening connection; a read may take three of them.
   */
  readonly heartbeatInterval: Duration.Input
}

/**
 * The default settings: stores listen unless there is a pooler, poll every second, and check the
 * connection every 5 seconds.
 *
 * **Details**
 * `listen`: use false with a pooler that lends a connection to other clients between transactions.
 * Then a subscriber may be late by `pollInterval`.
 * Stores that listen poll too: a host that dies between commit and `NOTIFY` sends no wake-up. A
 * poll takes a fraction of a millisecond, so polling every second is cheap.
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
export const PostgresListen = Context.Reference<Settings>("@daybook/store/PostgresListen", {
  defaultValue: () => defaults
})
