/**
 * The place of an event among all events of a log.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A position in a log. Positions increase strictly in the order that readers see, and have gaps:
 * compare them, never calculate with them. 0 is before the first event.
 *
 * @category types
 * @since 0.1.0
 */
export const Position = Schema.BigInt.check(
  Schema.isBetweenBigInt({ minimum: 0n, maximum: 9_223_372_036_854_775_807n })
).pipe(Schema.brand("Position"))

/**
 * @category types
 * @since 0.1.0
 */
export type Position = typeof Position.Type

/**
 * The position of a bigint. Throws below 0 and above 2^63 - 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (position: bigint): Position => Position.make(position)

/**
 * The position before the first event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start: Position = make(0n)
