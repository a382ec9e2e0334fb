/**
 * What a subscription is asked for and what it gives: the log from a position on, and what is appended
 * while it runs.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Category } from "@daybook/kernel/StreamId"

/**
 * Which events to follow; all from the beginning of the log, unless said otherwise.
 *
 * @category types
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Positions above this one. */
  readonly after?: Position | undefined
  /** Streams of these categories only. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Events of these types only. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
}

/**
 * The next of the matching events, in position order: with them, every one up to `position` was given.
 *
 * **Details**
 * A page may be empty and only advance the position. A checkpoint at `position` does not read again
 * what the filter left out.
 *
 * @category types
 * @since 0.1.0
 */
export interface SubscriptionPage {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly position: Position
}
