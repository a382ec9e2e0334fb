/**
 * What is known of a stream without reading its events, and which streams of a log to list.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { Category, StreamId } from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"

/**
 * A stream, and where and when its last event was recorded.
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
  /** When the last event occurred. */
  readonly occurredAt: DateTime.Utc
  /** When the last event was recorded. */
  readonly recordedAt: DateTime.Utc
}

/**
 * Which streams to list; all, unless said otherwise.
 *
 * **Details**
 * To list page by page, give the last stream of a page as `after` of the next.
 *
 * @category types
 * @since 0.1.0
 */
export interface StreamsOptions {
  /** Streams of this category only. */
  readonly category?: Category | undefined
  /** Streams whose id begins so, such as `order-2026-`. */
  readonly prefix?: string | undefined
  /** Streams that come after this one, which need not be there. */
  readonly after?: StreamId | undefined
  /** At most this many streams: a whole number, 0 or more. */
  readonly limit?: number | undefined
}
