/**
 * The options that select the events of a stream, or of the log, to read.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { Category } from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"

/**
 * An instant that ends a read of a stream: at the first event, in revision order, that is later.
 *
 * @category types
 * @since 0.1.0
 */
export type Until =
  | { readonly occurredAt: DateTime.Utc; readonly recordedAt?: never }
  | { readonly recordedAt: DateTime.Utc; readonly occurredAt?: never }

/**
 * Selects the events of a stream to read; by default all, oldest first.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadOptions {
  /** The lowest revision, inclusive, in either direction. */
  readonly from?: Revision | undefined
  /** The highest revision, inclusive, in either direction. */
  readonly to?: Revision | undefined
  readonly direction?: "forward" | "backward" | undefined
  /** Only events of these types. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  /** At most this many matching events: a whole number, 0 or more. */
  readonly limit?: number | undefined
  readonly until?: Until | undefined
}

/**
 * Selects the events of the log to read; by default all, oldest first.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadAllOptions {
  /** Only positions above this one, in either direction. */
  readonly after?: Position | undefined
  /** Only positions up to this one, inclusive, in either direction. */
  readonly upTo?: Position | undefined
  /**
   * Only positions above and up to those as of these instants, see `positionAt`: consecutive
   * windows share no event and miss none.
   */
  readonly recordedAt?:
    | { readonly after?: DateTime.Utc | undefined; readonly upTo?: DateTime.Utc | undefined }
    | undefined
  /** Only streams of these categories. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Only events of these types. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  readonly direction?: "forward" | "backward" | undefined
  /** At most this many matching events: a whole number, 0 or more. */
  readonly limit?: number | undefined
}
