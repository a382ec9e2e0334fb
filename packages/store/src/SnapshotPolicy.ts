/**
 * When a command handler takes a snapshot, and how many it keeps.
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
}

/**
 * Keeps two: when the newest can't be decoded, or a past state is asked for, there is one before it.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_KEEP = 2

/**
 * Takes a snapshot where `take` says so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const when = (take: (moment: Moment) => boolean): SnapshotPolicy => ({
  take,
  keep: DEFAULT_KEEP
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

const positive = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is ${value}, allowed is a whole number, 1 or more`)
}
