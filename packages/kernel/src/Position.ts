/**
 * The place of an event among all events of a log.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Strictly increasing in the order that readers see, with gaps: compare positions, never count with
 * them. 0 is before the first event.
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
 * The position of a bigint; dies below 0 and above 2^63 - 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (position: bigint): Position => Position.make(position)

/**
 * Before the first event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start: Position = make(0n)
