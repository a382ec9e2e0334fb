/**
 * The facts of a stream that are known without reading its events, and the options to list streams.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { Category, StreamId } from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"

/**
 * A stream with the position and the times of its last event.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamFacts {
  readonly streamId: StreamId
  /** The revision of the last event, which is the number of events. */
  readonly revision: Revision
  /** The position of the last event. */
  readonly position: Position
  /** The time at which the last event occurred. */
  readonly occurredAt: DateTime.Utc
  /** The time at which the last event was recorded. */
  readonly recordedAt: DateTime.Utc
}

/**
 * Selects the streams to list; by default all.
 *
 * **Details**
 * To list page by page, pass the last stream of a page as `after` of the next.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamsOptions {
  /** Only streams of this category. */
  readonly category?: Category | undefined
  /** Only streams whose id begins with this text, such as `order-2026-`. */
  readonly prefix?: string | undefined
  /** Only streams that sort after this one, which need not exist. */
  readonly after?: StreamId | undefined
  /** At most this many streams: a whole number, 0 or more. */
  readonly limit?: number | undefined
}
