/**
 * Which events of a stream, or of the log, to read.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { Category } from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"

/**
 * Cuts a stream at an instant: its events in revision order up to the first one that is later.
 *
 * @category types
 * @since 0.1.0
 */
export type Until =
  | { readonly occurredAt: DateTime.Utc; readonly recordedAt?: never }
  | { readonly recordedAt: DateTime.Utc; readonly occurredAt?: never }

/**
 * Which events of a stream to read; all, oldest first, unless said otherwise.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadOptions {
  /** The lowest revision, included, whatever the direction. */
  readonly from?: Revision | undefined
  /** The highest revision, included, whatever the direction. */
  readonly to?: Revision | undefined
  readonly direction?: "forward" | "backward" | undefined
  /** Events of these types only. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  /** At most this many matching events: a whole number, 0 or more. */
  readonly limit?: number | undefined
  readonly until?: Until | undefined
}

/**
 * Which events of the log to read; all, oldest first, unless said otherwise.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadAllOptions {
  /** Positions above this one, whatever the direction. */
  readonly after?: Position | undefined
  /** Positions up to this one, included, whatever the direction. */
  readonly upTo?: Position | undefined
  /** Positions above and up to those as of these instants, see `positionAt`: windows that follow one another share no event and miss none. */
  readonly recordedAt?:
    | { readonly after?: DateTime.Utc | undefined; readonly upTo?: DateTime.Utc | undefined }
    | undefined
  /** Streams of these categories only. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Events of these types only. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  readonly direction?: "forward" | "backward" | undefined
  /** At most this many matching events: a whole number, 0 or more. */
  readonly limit?: number | undefined
}
