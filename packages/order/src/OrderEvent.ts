/**
 * What happened to an order, and how it is stored: a public format.
 *
 * @since 0.1.0
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import { past } from "./internal/OrderPast.ts"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, Money } from "./Money.ts"
import { RecordedQuantity } from "./Quantity.ts"

/**
 * The events of an order.
 *
 * **Details**
 * `ItemRemoved`: what was taken from one line; a command that takes from several lines records one
 * event for each. `ProductRemoved`: all there was of a product, at whatever prices; only the shop's first
 * system recorded removals so, and no command leads to it.
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
  ItemRemoved: {
    productId: identifier,
    name: text(0, 500),
    quantity: RecordedQuantity,
    unitPrice: Money,
    reason: sentence
  },
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
export type OrderEvent = typeof OrderEvent.Type

/**
 * The stored contract of {@link OrderEvent}, which reads the shop's past too, back to its first system.
 *
 * @category codecs
 * @since 0.1.0
 */
export const codec = EventCodec.make({ name: "order", events: OrderEvent, past })
