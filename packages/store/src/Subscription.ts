/**
 * What a subscription is asked for and what it gives: the log from a position on, and what is appended
 * while it runs.
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
 * Which events to follow; all from the beginning of the log, unless said otherwise.
 *
 * **Details**
 * Who follows one stream sees its events as soon as they are committed: an append in flight to another stream
 * holds none of them back.
 *
 * @category types
 * @since 0.1.0
 */
export interface SubscribeOptions extends Omit<BacklogOptions, "after"> {
  /**
   * Positions above this one. A checkpoint is compared with the log, first and at every page; a bare position is refused
   * only past the head of the log, so keep a checkpoint wherever the position is kept for longer.
   */
  readonly after?: Position | Checkpoint | undefined
}

/**
 * Which events to count.
 *
 * @category types
 * @since 0.1.0
 */
export interface BacklogOptions {
  /** Positions above this one. */
  readonly after?: Position | undefined
  /** Streams of these categories only. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Events of these types only. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  /** Events of this stream only, which need not be there yet. */
  readonly streamId?: StreamId | undefined
  /** Revisions of `streamId` above this one; refused without a `streamId`. */
  readonly afterRevision?: Revision | undefined
}

/**
 * The next of the matching events, in position order: with them, every one up to `position` was given.
 *
 * **Details**
 * A page may be empty and only advance the position. A subscription from `checkpoint` does not read again
 * what the filter left out. `position`: that of the checkpoint.
 *
 * @category types
 * @since 0.1.0
 */
export interface SubscriptionPage {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly position: Position
  readonly checkpoint: Checkpoint
}

/**
 * How many events a {@link Backlog} counts at most.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_BACKLOG = 10_000

/**
 * What a follower of the log has still to read.
 *
 * **Details**
 * `events`: how many match, {@link MAX_BACKLOG} where there are as many or more. `since`: when the earliest of them was
 * recorded. `head`: the position up to which the whole log is settled.
 *
 * Cost: without `types` it reads the counted events and no others. With `types` it reads all events of the categories or the
 * stream that come after the position, until it has counted enough, in statements of 10,000 events each: no statement is long, and
 * the whole is as long as the follower is late. An exact count of a rare type has no cheaper way, since types have no index; for
 * a follower that must not wait, `head` minus its position is a bound that costs one look.
 *
 * @category types
 * @since 0.1.0
 */
export interface Backlog {
  readonly events: number
  readonly since: Option.Option<DateTime.Utc>
  readonly head: Position
}
