/**
 * The commands of an order. Decode them with this schema at the edge: the decider takes well-formed
 * commands only.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, Money } from "./Money.ts"
import { Quantity } from "./Quantity.ts"

/**
 * The commands of an order.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderCommand = Schema.TaggedUnion({
  CreateOrder: { customerId: identifier, currency: Currency },
  /** `name` is the product's name at the time, and may be empty. */
  AddItem: { productId: identifier, name: text(0, 500), quantity: Quantity, unitPrice: Money },
  RemoveItem: {
    productId: identifier,
    /** Absent: removes the whole product. */
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
export type OrderCommand = Named.Union<typeof OrderCommand>
