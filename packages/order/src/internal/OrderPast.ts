/**
 * The former shapes of order events, and their meaning today. Never edited: a released version
 * stays as it was written.
 *
 * Version 1 of each comes from the shop's first system, whose rows hold snake_case data that
 * repeats the row's own columns, prices as floats, and no currency, since the shop sold in one.
 */
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as Schema from "effect/Schema"
import { Currency, MAX_MINOR } from "../Money.ts"
import { RecordedQuantity } from "../Quantity.ts"
import { identifier, line, text } from "./Text.ts"

/** The only currency of the first system, which recorded none. */
export const LEGACY_CURRENCY = "GBP"

/** The columns that the first system repeated in its data, in any form; nothing reads them. */
const row = {
  aggregate_id: Schema.optionalKey(Schema.Json),
  event_type: Schema.optionalKey(Schema.Json),
  timestamp: Schema.optionalKey(Schema.Json)
}

const OrderCreatedV1 = Schema.Struct({ ...row, customer_id: identifier })

const OrderCreatedV2 = Schema.Struct({
  customerId: identifier,
  currency: Currency,
  shippingAddress: Schema.optionalKey(
    Schema.Struct({
      recipient: line,
      line1: line,
      line2: Schema.optionalKey(line),
      city: line,
      region: Schema.optionalKey(line),
      postalCode: text(0, 20),
      country: Schema.String.check(
        Schema.isPattern(/^[A-Z]{2}$/, { expected: "a country code: two capital letters" })
      )
    })
  )
})

const ItemAddedV1 = Schema.Struct({
  ...row,
  product_id: identifier,
  quantity: RecordedQuantity,
  price: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: MAX_MINOR / 100 }))
})

const ItemRemovedV1 = Schema.Struct({ ...row, product_id: identifier })

const OrderConfirmedV1 = Schema.Struct(row)

const OrderCancelledV1 = Schema.Struct({ ...row, reason: Schema.String })

/**
 * Returns pence. A price of two decimals converts exactly, since a double holds far more. A price
 * with a fraction of a penny, which the first system accepted, is rounded: an import must report
 * it.
 */
const minorOf = (price: number): number => Math.round(price * 100)

/** Turns a reason of the first system, which was any text, into a sentence. */
const sentenceOf = (reason: string): string => {
  const oneLine = reason.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ").trim()
  return oneLine === "" ? "none given" : Array.from(oneLine).slice(0, 1_000).join("")
}

/** By stored type, the versions from 1 to the one before today's. */
export const past = {
  OrderCreated: Upcaster.from(OrderCreatedV1)
    .to(OrderCreatedV2, ({ customer_id }) => ({
      customerId: customer_id,
      currency: LEGACY_CURRENCY
    }))
    // A creation with an address was two facts in one event.
    .into(({ currency, customerId, shippingAddress: address }) => {
      const created = { _tag: "OrderCreated", customerId, currency } as const
      return address === undefined
        ? [created]
        : [created, { _tag: "ShippingAddressUpdated", address } as const]
    }),
  ItemAdded: Upcaster.from(ItemAddedV1).into(({ price, product_id, quantity }) => ({
    _tag: "ItemAdded",
    productId: product_id,
    // The first system did not record names.
    name: "",
    quantity,
    unitPrice: { currency: LEGACY_CURRENCY, minor: minorOf(price) }
  })),
  ItemRemoved: Upcaster.from(ItemRemovedV1).into(({ product_id }) => ({
    _tag: "ProductRemoved",
    productId: product_id
  })),
  OrderConfirmed: Upcaster.from(OrderConfirmedV1).into(() => ({ _tag: "OrderConfirmed" })),
  OrderCancelled: Upcaster.from(OrderCancelledV1).into(({ reason }) => ({
    _tag: "OrderCancelled",
    reason: sentenceOf(reason)
  }))
}
