/**
 * The events of an order and their stored form, which is a public format.
 *
 * @since 0.1.0
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import { past } from "./internal/OrderPast.ts"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, Money } from "./Money.ts"
import { RecordedQuantity } from "./Quantity.ts"

/**
 * The events of an order.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderEvent = Schema.TaggedUnion({
  OrderCreated: { customerId: identifier, currency: Currency },
  ItemAdded: {
    productId: identifier,
    name: text(0, 500),
    quantity: RecordedQuantity,
    unitPrice: Money
  },
  /**
   * A removal from one line; a command that takes from several lines records one event for each.
   */
  ItemRemoved: {
    productId: identifier,
    name: text(0, 500),
    quantity: RecordedQuantity,
    unitPrice: Money,
    reason: sentence
  },
  /**
   * The removal of a whole product, at all its prices. Only the shop's first system recorded it; no
   * command leads to it.
   */
  ProductRemoved: { productId: identifier },
  ShippingAddressUpdated: { address: Address },
  OrderConfirmed: {},
  OrderShipped: { carrier: identifier, tracking: identifier },
  OrderCancelled: { reason: sentence }
})

/**
 * @category types
 * @since 0.1.0
 */
export type OrderEvent = Named.Union<typeof OrderEvent>

/**
 * The stored contract of {@link OrderEvent}. It reads the shop's past too, back to its first
 * system.
 *
 * @category codecs
 * @since 0.1.0
 */
export const codec: EventCodec.EventCodec<OrderEvent> = EventCodec.make({
  name: "order",
  events: OrderEvent,
  past
})
