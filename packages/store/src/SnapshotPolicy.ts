/**
 * The rules by which a command handler takes, keeps and checks snapshots.
 *
 * @since 0.1.0
 */
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"

/**
 * A stream after a command that recorded events.
 *
 * @category types
 * @since 0.1.0
 */
export interface Moment {
  readonly streamId: StreamId
  readonly revision: Revision
  /** The revision of the newest usable snapshot that the handler found or saved; 0 for none. */
  readonly snapshotRevision: Revision
  /** The revision at which a snapshot was last begun, which may have failed; 0 for none. */
  readonly triedRevision: Revision
}

/**
 * A rule for taking, keeping and checking snapshots.
 *
 * @category types
 * @since 0.1.0
 */
export interface SnapshotPolicy {
  /** Returns true to take a snapshot at a moment. */
  readonly take: (moment: Moment) => boolean
  /**
   * The number of newest snapshots to keep per stream and fingerprint; a whole number, 1 or more.
   */
  readonly keep: number
  /** One load in `check` is checked: 1 checks all, `Infinity` none. See {@link checking}. */
  readonly check: number
}

/**
 * The default of `keep`: the second one serves when the newest can't be decoded, or for a past
 * state.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_KEEP = 2

/**
 * The default of `check`. Checking a stream of 10,000 events takes as long as about 50 loads from a
 * snapshot, so loads of such streams take 5 % longer on average.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_CHECK = 1_000

/**
 * Takes a snapshot when `take` returns true.
 *
 * @category constructors
 * @since 0.1.0
 */
export const when = (take: (moment: Moment) => boolean): SnapshotPolicy => ({
  take,
  keep: DEFAULT_KEEP,
  check: DEFAULT_CHECK
})

/**
 * Takes a snapshot when `events` or more were recorded since the last one. Throws unless `events`
 * is a whole number, 1 or more.
 *
 * **Details**
 * A snapshot that could not be saved counts too, so that a failing store is not tried at every
 * command.
 *
 * @category constructors
 * @since 0.1.0
 */
export const every = (events: number): SnapshotPolicy => {
  const distance = positive("events", events)
  return when(
    ({ revision, snapshotRevision, triedRevision }) =>
      revision - Math.max(snapshotRevision, triedRevision) >= distance
  )
}

/**
 * Takes no snapshots; existing ones are used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const never: SnapshotPolicy = when(() => false)

/**
 * Returns the policy with another `keep`. Throws unless `snapshots` is a whole number, 1 or more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keeping = (policy: SnapshotPolicy, snapshots: number): SnapshotPolicy => ({
  ...policy,
  keep: positive("snapshots", snapshots)
})

/**
 * Returns the policy with another `check`: checks one in `loads` of the loads that begin at a
 * snapshot or a cached state; `Infinity` checks none. Throws unless `loads` is a whole number, 1 or
 * more, or `Infinity`.
 *
 * **Details**
 * A check folds the stream from its first event, before anything is decided. If the events give
 * another state, the handler continues with theirs, deletes all snapshots of the stream, logs a
 * warning and counts `daybook_snapshots_checked` with the outcome `false`. This finds rows that
 * others wrote to the table, and folds that changed without their fingerprint. The caller's
 * `Random` picks the loads.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checking = (policy: SnapshotPolicy, loads: number): SnapshotPolicy => ({
  ...policy,
  check: loads === Infinity ? loads : positive("loads", loads)
})

const positive = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is ${value}, allowed is a whole number, 1 or more`)
}
