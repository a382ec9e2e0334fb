/**
 * The shapes that events of orders had before, and what they stand for today. Never edited: a released
 * version stays as it was written.
 *
 * Version 1 of each is that of the shop's first system, whose rows hold snake_case data with the row's
 * own columns repeated in it, prices as floats, and no currency, since the shop sold in one.
 */
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as Schema from "effect/Schema"
import { Currency, MAX_MINOR } from "../Money.ts"
import { RecordedQuantity } from "../Quantity.ts"
import { identifier, line, text } from "./Text.ts"

/** The only currency of the first system, which recorded none. */
export const LEGACY_CURRENCY = "GBP"

/** What the first system repeated of a row in its data, in whatever form; nothing reads it. */
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
 * Pence; a price of two decimals comes out exactly, since a double holds it to far more. A price with a
 * fraction of a penny, which the first system did not refuse, is rounded: an import has to report it.
 */
const minorOf = (price: number): number => Math.round(price * 100)

/** A reason was any text once. */
const sentenceOf = (reason: string): string => {
  const oneLine = reason.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ").trim()
  return oneLine === "" ? "none given" : Array.from(oneLine).slice(0, 1_000).join("")
}

/** By stored type, versions 1 and up to that before today's. */
export const past = {
  OrderCreated: Upcaster.from(OrderCreatedV1)
    .to(OrderCreatedV2, ({ customer_id }) => ({
      customerId: customer_id,
      currency: LEGACY_CURRENCY
    }))
    // An address with the creation was two facts in one.
    .into(({ currency, customerId, shippingAddress: address }) => {
      const created = { _tag: "OrderCreated", customerId, currency } as const
      return address === undefined
        ? [created]
        : [created, { _tag: "ShippingAddressUpdated", address } as const]
    }),
  ItemAdded: Upcaster.from(ItemAddedV1).into(({ price, product_id, quantity }) => ({
    _tag: "ItemAdded",
    productId: product_id,
    // Names were looked up elsewhere.
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
