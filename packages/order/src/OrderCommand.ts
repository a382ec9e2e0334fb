/**
 * What can be asked of an order. Decode commands with this schema at the edge: the decider takes
 * well-formed ones only.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, Money } from "./Money.ts"
import { Quantity } from "./Quantity.ts"

/**
 * The commands of an order.
 *
 * **Details**
 * `AddItem`: `name` is what the product was called when it was added, and may be empty.
 * `RemoveItem`: without a quantity it removes the product wholly.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderCommand = Schema.TaggedUnion({
  CreateOrder: { customerId: identifier, currency: Currency },
  AddItem: { productId: identifier, name: text(0, 500), quantity: Quantity, unitPrice: Money },
  RemoveItem: {
    productId: identifier,
    quantity: Schema.optionalKey(Quantity),
    reason: sentence
  },
  UpdateShippingAddress: { address: Address },
  ConfirmOrder: {},
  ShipOrder: { carrier: identifier, tracking: identifier },
  CancelOrder: { reason: sentence }
})

/**
 * @category types
 * @since 0.1.0
 */
export type OrderCommand = typeof OrderCommand.Type
