/**
 * Quantities of a product.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The most that one command may add or remove; a larger number is more likely a typing error.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_QUANTITY = 1_000_000

/**
 * The quantity in a command: 1 to {@link MAX_QUANTITY}.
 *
 * @category types
 * @since 0.1.0
 */
export const Quantity = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_QUANTITY }))

/**
 * The most items in an order, over all its lines: the largest integer that JSON carries exactly.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ITEM_COUNT = Number.MAX_SAFE_INTEGER

/**
 * The quantity in events and lines: 1 to {@link MAX_ITEM_COUNT}.
 *
 * **Details**
 * Wider than the quantity of a command: a line adds up several commands, and recorded events stay
 * readable when {@link MAX_QUANTITY} changes.
 *
 * @category types
 * @since 0.1.0
 */
export const RecordedQuantity = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: MAX_ITEM_COUNT })
)
