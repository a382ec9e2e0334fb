/**
 * The limits of waits for locks of PostgreSQL, and the errors that end them, which name the
 * holders.
 *
 * Every wait is bounded: any PostgreSQL user who may connect can take advisory locks, and any
 * reader of a table can block its changes.
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
 * PostgreSQL shows `state` and `since` of other users' sessions only to members of
 * `pg_read_all_stats`; for others they are undefined.
 *
 * @category types
 * @since 0.1.0
 */
export interface Holder {
  /** Undefined for a prepared transaction, which has no session. */
  readonly pid: number | undefined
  /** The id of a prepared transaction; undefined for a session. */
  readonly gid: string | undefined
  readonly user: string | undefined
  /** The state in `pg_stat_activity`, such as `idle in transaction`. */
  readonly state: string | undefined
  /** The time at which its transaction began. */
  readonly since: DateTime.Utc | undefined
}

/**
 * Returns the holder in words, such as
 * `pid 4711 of dashboards, idle in transaction, since 2026-11-30T02:00:00.000Z`.
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
 * A lock was not granted in time. Nothing was changed.
 *
 * **Details**
 * It is the `cause` of an `EventStoreError`, and of the `LockTimeoutError` of an `SqlError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockHeld extends Data.TaggedError("LockHeld")<{
  /** The locked object, in words. */
  readonly what: string
  readonly waitedMillis: number
  /** At most eight holders of the lock when the wait ended, the oldest transactions first. */
  readonly holders: ReadonlyArray<Holder>
}> {
  override get message() {
    return `${this.what} is locked, after ${this.waitedMillis} ms, by ${describeAll(this.holders)}`
  }
}

/**
 * Open appends hold back the end of the log: the read would have ended before the newest append.
 *
 * **Details**
 * It is the `cause` of an `EventStoreError`. Subscriptions never fail with it: they wait.
 *
 * @category errors
 * @since 0.1.0
 */
export class HeldBack extends Data.TaggedError("HeldBack")<{
  /** The position up to which the log can be read, with `upTo`. */
  readonly settled: Position
  /** The position that the read had to reach. */
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
 * @category types
 * @since 0.1.0
 */
export interface Waits {
  /** The wait of a read of the log for open appends. */
  readonly reads: Duration.Duration
  /**
   * The wait of an append for another writer of its stream. A transaction that appends may be idle
   * for a minute at most.
   */
  readonly appends: Duration.Duration
  /** The wait of migrations, roles and partitions for transactions that use what they change. */
  readonly changes: Duration.Duration
}

/**
 * The longest waits: 10 seconds for reads, 90 for appends, a minute for changes, unless provided
 * otherwise.
 *
 * **Details**
 * A store reads them when it is opened.
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
