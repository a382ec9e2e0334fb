/**
 * When a command handler takes a snapshot, how many it keeps, and how often it checks one.
 *
 * @since 0.1.0
 */
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"

/**
 * A stream after a command that recorded something.
 *
 * **Details**
 * `snapshotRevision`: that of the newest usable snapshot known to the handler, which was found or saved;
 * 0 when it knows of none. `triedRevision`: where one was last begun, which may have failed; 0 for nowhere.
 *
 * @category types
 * @since 0.1.0
 */
export interface Moment {
  readonly streamId: StreamId
  readonly revision: Revision
  readonly snapshotRevision: Revision
  readonly triedRevision: Revision
}

/**
 * Whether to take a snapshot at a moment, and how many of a stream to keep.
 *
 * @category types
 * @since 0.1.0
 */
export interface SnapshotPolicy {
  readonly take: (moment: Moment) => boolean
  /** The newest so many of each fold on a stream are kept; a whole number, 1 or more. */
  readonly keep: number
  /** One of so many loads is checked; 1 checks each, `Infinity` checks none. See {@link checking}. */
  readonly check: number
}

/**
 * Keeps two: when the newest can't be decoded, or a past state is asked for, there is one before it.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_KEEP = 2

/**
 * Checks one load of 1,000. A check of a stream of 10,000 events takes as long as some 50 loads from a snapshot,
 * so that loads of such streams take 5 % longer in the mean.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_CHECK = 1_000

/**
 * Takes a snapshot where `take` says so.
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
 * Takes a snapshot when `events` or more were recorded since the last; dies unless that is a whole
 * number, 1 or more.
 *
 * **Details**
 * One that could not be saved counts too: a store that fails is not tried at every command.
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
 * Takes none; those that are there are used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const never: SnapshotPolicy = when(() => false)

/**
 * The same policy, which keeps the newest `snapshots` of each fold on a stream; dies unless that is a whole number,
 * 1 or more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keeping = (policy: SnapshotPolicy, snapshots: number): SnapshotPolicy => ({
  ...policy,
  keep: positive("snapshots", snapshots)
})

/**
 * The same policy, which checks one load of `loads` that begin at a snapshot or at a cached state; `Infinity` checks none. Dies
 * unless that is a whole number, 1 or more, or `Infinity`.
 *
 * **Details**
 * A check folds the stream from its first event, before anything is decided. When the events give another state,
 * the handler goes on with theirs, deletes all snapshots of the stream, logs a warning and counts `daybook_snapshots_checked` with the outcome
 * `false`. It finds what was written to the table by others, and folds that changed while their fingerprint did not. Which loads are
 * checked is drawn from the `Random` of the caller.
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
