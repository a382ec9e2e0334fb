/**
 * Waits for locks of PostgreSQL: how long they last at most, and the error that ends them, which names the holder.
 *
 * PostgreSQL lets everybody who may connect take advisory locks, and every reader of a table keep it from being changed. So no wait is
 * without an end.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Formatter from "effect/Formatter"
import * as Duration from "effect/Duration"

/**
 * A session, or a prepared transaction, that holds a lock.
 *
 * **Details**
 * `pid`: absent for a prepared transaction, which has no session; that has a `gid` instead. `since`: when its transaction began.
 * PostgreSQL shows `state` and `since` of other users' sessions to members of `pg_read_all_stats` alone: for others they are absent.
 *
 * @category types
 * @since 0.1.0
 */
export interface Holder {
  readonly pid: number | undefined
  readonly gid: string | undefined
  readonly user: string | undefined
  /** As in `pg_stat_activity`, such as `idle in transaction`. */
  readonly state: string | undefined
  readonly since: DateTime.Utc | undefined
}

/**
 * Returns the holder in words: `pid 4711 of dashboards, idle in transaction, since 2026-11-30T02:00:00.000Z`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = ({ gid, pid, since, state, user }: Holder): string =>
  [
    `${gid === undefined ? `pid ${pid}` : `prepared transaction ${Formatter.format(gid)}`} of ${user ?? "an unknown user"}`,
    ...(state === undefined ? [] : [state]),
    ...(since === undefined ? [] : [`since ${new Date(since.epochMilliseconds).toISOString()}`])
  ].join(", ")

const describeAll = (holders: ReadonlyArray<Holder>): string =>
  holders.length === 0 ? "no session any more" : holders.map(describe).join("; ")

/**
 * A lock was not given within the time that it was waited for. Nothing was changed.
 *
 * **Details**
 * `what`: what is locked. `holders`: at most eight of those who held the lock when the wait ended, those whose transactions are the oldest first.
 * It is the `cause` of an `EventStoreError`, and of the `LockTimeoutError` of an `SqlError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockHeld extends Data.TaggedError("LockHeld")<{
  readonly what: string
  readonly waitedMillis: number
  readonly holders: ReadonlyArray<Holder>
}> {
  override get message() {
    return `${this.what} is locked, after ${this.waitedMillis} ms, by ${describeAll(this.holders)}`
  }
}

/**
 * Appends stay open, and with them a part of the log that was asked for: a read would have ended before the newest append.
 *
 * **Details**
 * What was appended up to `settled` can be read, with `upTo`. `newest` is the position that reading had to reach. It is the `cause` of an
 * `EventStoreError`. Subscriptions never fail with it: they wait.
 *
 * @category errors
 * @since 0.1.0
 */
export class HeldBack extends Data.TaggedError("HeldBack")<{
  readonly settled: Position
  readonly newest: Position
  readonly waitedMillis: number
  readonly holders: ReadonlyArray<Holder>
}> {
  override get message() {
    return `Position ${this.newest} is not settled after ${this.waitedMillis} ms, and ${this.settled} is: appends are open in ${describeAll(this.holders)}`
  }
}

/**
 * The longest waits.
 *
 * **Details**
 * `reads`: a read of the log, for appends that are open. `appends`: an append, for another writer of its stream; a transaction that appends
 * may be idle for a minute at most. `changes`: migrations, roles and partitions, for whoever uses what they change.
 *
 * @category types
 * @since 0.1.0
 */
export interface Waits {
  readonly reads: Duration.Duration
  readonly appends: Duration.Duration
  readonly changes: Duration.Duration
}

/**
 * How long is waited at most: 10 seconds for reads, 90 for appends, a minute for changes, unless provided otherwise.
 *
 * **Details**
 * A store takes it when it is opened.
 *
 * @category references
 * @since 0.1.0
 */
export const Patience = Context.Reference<Waits>("@daybook/store/PostgresLocks/Patience", {
  defaultValue: () => ({
    reads: Duration.seconds(10),
    appends: Duration.seconds(90),
    changes: Duration.minutes(1)
  })
})
