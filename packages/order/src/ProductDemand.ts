/**
 * The read model `product_demand`: how much of each product was put into orders, also of what was taken out again or
 * cancelled later. A table of current orders has forgotten that.
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { LEGACY_CURRENCY } from "./internal/OrderPast.ts"
import { identifier, text } from "./internal/Text.ts"
import { Currency, times } from "./Money.ts"
import { aggregate } from "./Order.ts"

/**
 * A product in a currency, with what was asked of it.
 *
 * **Details**
 * `name`: what it was called last. `unitsAdded` and `unitsRemoved`, and their values in minor units: over all events.
 * `removedWholly`: how often all there was of it was taken out of an order by the shop's first system, which recorded neither how
 * many nor at what price: those units are not in `unitsRemoved`.
 *
 * @category types
 * @since 0.1.0
 */
export const ProductDemand = Schema.Struct({
  productId: identifier,
  currency: Currency,
  name: text(0, 500),
  timesAdded: Schema.Int,
  unitsAdded: Schema.BigInt,
  valueAdded: Schema.BigInt,
  timesRemoved: Schema.Int,
  unitsRemoved: Schema.BigInt,
  valueRemoved: Schema.BigInt,
  removedWholly: Schema.Int,
  lastAddedAt: Schema.NullOr(Schema.DateTimeUtc)
})

/**
 * @category types
 * @since 0.1.0
 */
export type ProductDemand = typeof ProductDemand.Type

/**
 * Adds up what was put into orders and taken out, by product.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection = Projection.define({
  name: "product_demand",
  version: 1,
  from: [aggregate],
  row: ProductDemand,
  primaryKey: ["productId", "currency"]
}).fold({
  keys: (event) => {
    switch (event._tag) {
      case "ItemAdded":
      case "ItemRemoved":
        return [{ productId: event.productId, currency: event.unitPrice.currency }]
      case "ProductRemoved":
        return [{ productId: event.productId, currency: LEGACY_CURRENCY }]
      case "OrderCreated":
      case "ShippingAddressUpdated":
      case "OrderConfirmed":
      case "OrderShipped":
      case "OrderCancelled":
        return []
    }
  },
  initial: (key): ProductDemand => ({
    ...key,
    name: "",
    timesAdded: 0,
    unitsAdded: 0n,
    valueAdded: 0n,
    timesRemoved: 0,
    unitsRemoved: 0n,
    valueRemoved: 0n,
    removedWholly: 0,
    lastAddedAt: null
  }),
  apply: (row, event, { recorded }) => {
    switch (event._tag) {
      case "ItemAdded": {
        const { name, quantity, unitPrice } = event
        const at = recorded.occurredAt
        return {
          ...row,
          name: name === "" ? row.name : name,
          timesAdded: row.timesAdded + 1,
          unitsAdded: row.unitsAdded + BigInt(quantity),
          valueAdded: row.valueAdded + times(unitPrice.minor, quantity),
          lastAddedAt: row.lastAddedAt === null ? at : DateTime.max(row.lastAddedAt, at)
        }
      }
      case "ItemRemoved": {
        const { quantity, unitPrice } = event
        return {
          ...row,
          timesRemoved: row.timesRemoved + 1,
          unitsRemoved: row.unitsRemoved + BigInt(quantity),
          valueRemoved: row.valueRemoved + times(unitPrice.minor, quantity)
        }
      }
      case "ProductRemoved":
        return { ...row, removedWholly: row.removedWholly + 1 }
      // The others touch no row.
      case "OrderCreated":
      case "ShippingAddressUpdated":
      case "OrderConfirmed":
      case "OrderShipped":
      case "OrderCancelled":
        return row
    }
  }
})
