/**
 * The reasons for refusing a command on an order, each with its facts.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { identifier } from "./internal/Text.ts"
import { Currency } from "./Money.ts"
import { OrderCommand } from "./OrderCommand.ts"
import { OrderStatus } from "./OrderState.ts"
import { RecordedQuantity } from "./Quantity.ts"

/**
 * `CreateOrder` on an order that exists.
 *
 * @category errors
 * @since 0.1.0
 */
export class OrderAlreadyExists extends Schema.TaggedError<OrderAlreadyExists>()(
  "OrderAlreadyExists",
  { status: OrderStatus }
) {
  override get message() {
    return `The order exists already and is ${this.status}`
  }
}

/**
 * The order has a status in which the command is not allowed.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongStatus extends Schema.TaggedError<WrongStatus>()("WrongStatus", {
  command: Schema.Literals(Struct.keys(OrderCommand.cases)),
  /** `none` when there is no such order. */
  status: OrderStatus,
  /** The statuses in which the command is allowed. */
  allowed: Schema.Array(OrderStatus)
}) {
  override get message() {
    const found = this.status === "none" ? "there is none" : `this one is ${this.status}`
    return `${this.command} is for an order that is ${this.allowed.join(" or ")}; ${found}`
  }
}

/**
 * The price of an item is in another currency than the order.
 *
 * @category errors
 * @since 0.1.0
 */
export class CurrencyMismatch extends Schema.TaggedError<CurrencyMismatch>()("CurrencyMismatch", {
  expected: Currency,
  actual: Currency
}) {
  override get message() {
    return `The order is in ${this.expected}, the price in ${this.actual}`
  }
}

/**
 * `RemoveItem` of a product that is not in the order.
 *
 * @category errors
 * @since 0.1.0
 */
export class ItemNotInOrder extends Schema.TaggedError<ItemNotInOrder>()("ItemNotInOrder", {
  productId: identifier
}) {
  override get message() {
    return `Product ${this.productId} is not in the order`
  }
}

/**
 * `RemoveItem` of more than the order has of the product, at all its prices together.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotEnoughItems extends Schema.TaggedError<NotEnoughItems>()("NotEnoughItems", {
  productId: identifier,
  requested: RecordedQuantity,
  available: RecordedQuantity
}) {
  override get message() {
    return `${this.requested} of product ${this.productId} to remove, the order has ${this.available}`
  }
}

/**
 * `AddItem` would take the order past a limit.
 *
 * @category errors
 * @since 0.1.0
 */
export class TotalTooLarge extends Schema.TaggedError<TotalTooLarge>()("TotalTooLarge", {
  /** The limited figure: the price in minor units, or the number of items. */
  of: Schema.Literals(["price", "items"]),
  /** The total that the command would reach, in decimal digits, since it may be past 2^53. */
  total: Schema.String.check(Schema.isPattern(/^[0-9]+$/, { expected: "decimal digits" })),
  limit: Schema.Int
}) {
  override get message() {
    const unit = this.of === "price" ? "minor units" : "items"
    return `The order would total ${this.total} ${unit}, at most ${this.limit} are allowed`
  }
}

/**
 * `ConfirmOrder` or `ShipOrder` of an order without items.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoItems extends Schema.TaggedError<NoItems>()("NoItems", {}) {
  override get message() {
    return "The order has no items"
  }
}

/**
 * `ShipOrder` of an order without a shipping address.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoShippingAddress extends Schema.TaggedError<NoShippingAddress>()(
  "NoShippingAddress",
  {}
) {
  override get message() {
    return "The order has no shipping address"
  }
}

/**
 * The rejections of an order.
 *
 * @category errors
 * @since 0.1.0
 */
export const OrderRejection = Schema.Union([
  OrderAlreadyExists,
  WrongStatus,
  CurrencyMismatch,
  ItemNotInOrder,
  NotEnoughItems,
  TotalTooLarge,
  NoItems,
  NoShippingAddress
]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * @category errors
 * @since 0.1.0
 */
export type OrderRejection = Named.Union<typeof OrderRejection>
