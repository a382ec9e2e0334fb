/**
 * The read model `product_demand`: what was wanted of each product, also where it was removed or cancelled again.
 *
 * A table of orders as they are can't tell: what was taken out of a basket left no trace in it.
 *
 * Laws, besides those of every projection:
 *
 * 1. The row is the same in whatever order its events come.
 *
 * A row is shared by all orders of its product, and knows none of them. How many orders had it, and how much of it was
 * confirmed in the end, is in the lines of `order_summary`:
 *
 * ```sql
 * select demand.product_id, demand.units_added, demand.units_removed, sum(bought.units) as units_confirmed
 * from read_models.product_demand demand left join (
 *   select line->>0 as product_id, currency, (line->>2)::bigint as units
 *   from read_models.order_summary, jsonb_array_elements(lines) line where status in ('confirmed', 'shipped')
 * ) bought using (product_id, currency)
 * group by demand.product_id, demand.currency
 * ```
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { LEGACY_CURRENCY } from "./internal/OrderPast.ts"
import { times } from "./Money.ts"
import { aggregate } from "./Order.ts"
import { OrderEvent } from "./OrderEvent.ts"

/**
 * The demand for a product in a currency.
 *
 * **Details**
 * Values are in minor units of `currency`. `name`: what it was last called, empty when it never was, and `namedAt` when that
 * was. `additions` and `removals`: how often; `removals` says `unitsRemoved`. `wholeRemovals`: how often the shop's first system removed
 * all there was in an order, without recording how many: where it is not 0, `netUnits` and `netValueMinor` are upper bounds.
 *
 * @category types
 * @since 0.1.0
 */
export const ProductDemand = Schema.Struct({
  productId: Schema.String,
  currency: Schema.String,
  name: Schema.String,
  namedAt: Schema.NullOr(Schema.DateTimeUtc),
  additions: Schema.Int,
  unitsAdded: Schema.BigInt,
  valueAddedMinor: Schema.BigInt,
  removals: Schema.Int,
  unitsRemoved: Schema.BigInt,
  valueRemovedMinor: Schema.BigInt,
  wholeRemovals: Schema.Int,
  netUnits: Schema.BigInt,
  netValueMinor: Schema.BigInt,
  firstAt: Schema.DateTimeUtc,
  lastAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type ProductDemand = typeof ProductDemand.Type

/**
 * Demand by product and currency, of all that was recorded.
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
  keys: OrderEvent.match({
    OrderCreated: () => [],
    ItemAdded: ({ productId, unitPrice }) => [{ productId, currency: unitPrice.currency }],
    ItemRemoved: ({ productId, unitPrice }) => [{ productId, currency: unitPrice.currency }],
    // It names no currency: the system that recorded it had one.
    ProductRemoved: ({ productId }) => [{ productId, currency: LEGACY_CURRENCY }],
    ShippingAddressUpdated: () => [],
    OrderConfirmed: () => [],
    OrderShipped: () => [],
    OrderCancelled: () => []
  }),
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    const at = recorded.occurredAt
    const before = seen(row ?? { ...key, ...NO_DEMAND, firstAt: at, lastAt: at }, at)
    return OrderEvent.match(event, {
      OrderCreated: () => row,
      ItemAdded: ({ name, quantity, unitPrice }) =>
        added(named(before, name, at), BigInt(quantity), times(unitPrice.minor, quantity)),
      ItemRemoved: ({ quantity, unitPrice }) =>
        removed(before, BigInt(quantity), times(unitPrice.minor, quantity)),
      ProductRemoved: () => ({ ...before, wholeRemovals: before.wholeRemovals + 1 }),
      ShippingAddressUpdated: () => row,
      OrderConfirmed: () => row,
      OrderShipped: () => row,
      OrderCancelled: () => row
    })
  }
})

const NO_DEMAND = {
  name: "",
  namedAt: null,
  additions: 0,
  unitsAdded: 0n,
  valueAddedMinor: 0n,
  removals: 0,
  unitsRemoved: 0n,
  valueRemovedMinor: 0n,
  wholeRemovals: 0,
  netUnits: 0n,
  netValueMinor: 0n
}

/** Events of different orders come in the order of the log, and occurred in any. */
const seen = (row: ProductDemand, at: DateTime.Utc): ProductDemand => ({
  ...row,
  firstAt: DateTime.min(row.firstAt, at),
  lastAt: DateTime.max(row.lastAt, at)
})

/** Of two names of one moment the greater one, so that it does not matter which comes first. */
const named = (row: ProductDemand, name: string, at: DateTime.Utc): ProductDemand => {
  if (name === "") return row
  const isNewer =
    row.namedAt === null ||
    DateTime.isGreaterThan(at, row.namedAt) ||
    (DateTime.Equivalence(at, row.namedAt) && name > row.name)
  return isNewer ? { ...row, name, namedAt: at } : row
}

const added = (row: ProductDemand, units: bigint, valueMinor: bigint): ProductDemand => ({
  ...row,
  additions: row.additions + 1,
  unitsAdded: row.unitsAdded + units,
  valueAddedMinor: row.valueAddedMinor + valueMinor,
  netUnits: row.netUnits + units,
  netValueMinor: row.netValueMinor + valueMinor
})

const removed = (row: ProductDemand, units: bigint, valueMinor: bigint): ProductDemand => ({
  ...row,
  removals: row.removals + 1,
  unitsRemoved: row.unitsRemoved + units,
  valueRemovedMinor: row.valueRemovedMinor + valueMinor,
  netUnits: row.netUnits - units,
  netValueMinor: row.netValueMinor - valueMinor
})
