/**
 * The place of an event in its stream.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A revision, counted from 1 without gaps. A stream's revision is its last event's, and 0 when the
 * stream is empty.
 *
 * @category types
 * @since 0.1.0
 */
export const Revision = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
).pipe(Schema.brand("Revision"))

/**
 * @category types
 * @since 0.1.0
 */
export type Revision = typeof Revision.Type

/**
 * The revision of a whole number. Throws below 0 and above 2^53 - 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (revision: number): Revision => Revision.make(revision)

/**
 * The revision of a stream without events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Revision = make(0)
