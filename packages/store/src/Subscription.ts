/**
 * The options and pages of a subscription: the log from a position on, then new appends while it
 * runs.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { Category, StreamId } from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"
import type * as Option from "effect/Option"
import type { Checkpoint } from "./Checkpoint.ts"

/**
 * Selects the events to follow; by default all from the beginning of the log.
 *
 * **Details**
 * A subscription to one stream emits its events as soon as they are committed: an append in flight
 * to another stream does not hold them back.
 *
 * @category types
 * @since 0.1.0
 */
export interface SubscribeOptions extends Omit<BacklogOptions, "after"> {
  /**
   * Only positions above this one. A checkpoint is compared with the log at the start and at every
   * page. A bare position is refused only past the head of the log, so store a checkpoint, not a
   * position.
   */
  readonly after?: Position | Checkpoint | undefined
}

/**
 * Selects the events to count.
 *
 * @category types
 * @since 0.1.0
 */
export interface BacklogOptions {
  /** Only positions above this one. */
  readonly after?: Position | undefined
  /** Only streams of these categories. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Only events of these types. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  /** Only events of this stream, which need not exist yet. */
  readonly streamId?: StreamId | undefined
  /** Only revisions of `streamId` above this one; refused without a `streamId`. */
  readonly afterRevision?: Revision | undefined
}

/**
 * The next matching events, in position order: with them, all up to `position` were emitted.
 *
 * **Details**
 * A page may be empty and only advance the position. A subscription from `checkpoint` does not read
 * again the events that the filter left out.
 *
 * @category types
 * @since 0.1.0
 */
export interface SubscriptionPage {
  readonly events: ReadonlyArray<RecordedEvent>
  /** The position of `checkpoint`. */
  readonly position: Position
  readonly checkpoint: Checkpoint
}

/**
 * The maximum number of events that a {@link Backlog} counts.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_BACKLOG = 10_000

/**
 * The events that a follower of the log still has to read.
 *
 * **Details**
 * Cost: without `types` it reads only the counted events. With `types` it reads all events of the
 * categories or the stream after the position, until it has counted enough, in statements of 10,000
 * events each: no statement is long, and the total time grows with the lag of the follower. An
 * exact count of a rare type can't be cheaper, since types have no index. For a follower that must
 * not wait, `head` minus its position is an upper bound that costs one query.
 *
 * @category types
 * @since 0.1.0
 */
export interface Backlog {
  /** The number of matching events; {@link MAX_BACKLOG} means as many or more. */
  readonly events: number
  /** The time at which the earliest counted event was recorded. */
  readonly since: Option.Option<DateTime.Utc>
  /** The position up to which the whole log is settled. */
  readonly head: Position
}
