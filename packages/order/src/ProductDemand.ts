/**
 * The read model `product_demand`: the demand for each product, removed and cancelled items
 * included.
 *
 * A table of current orders can't show it: an item taken out of a basket leaves no trace there.
 *
 * Laws, besides those of every projection:
 *
 * 1. The order in which events arrive does not change the row.
 *
 * All orders of a product share its row, which identifies none of them. The lines of
 * `order_summary` show the orders that had the product, and the units that were confirmed in the
 * end:
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
import type * as Named from "@daybook/kernel/Named"
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
 * Values are in minor units of `currency`. Where `wholeRemovals` is not 0, `netUnits` and
 * `netValueMinor` are upper bounds.
 *
 * @category types
 * @since 0.1.0
 */
export const ProductDemand = Schema.Struct({
  productId: Schema.String,
  currency: Schema.String,
  /** The latest name, empty without one. */
  name: Schema.String,
  /** The time of the event that has the latest name. */
  namedAt: Schema.NullOr(Schema.DateTimeUtc),
  /** The number of additions; `unitsAdded` counts their units. */
  additions: Schema.Int,
  unitsAdded: Schema.BigInt,
  valueAddedMinor: Schema.BigInt,
  /** The number of removals with a quantity; `unitsRemoved` counts their units. */
  removals: Schema.Int,
  unitsRemoved: Schema.BigInt,
  valueRemovedMinor: Schema.BigInt,
  /**
   * The removals of all units from an order by the shop's first system, which recorded no number.
   */
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
export type ProductDemand = Named.Struct<typeof ProductDemand>

/**
 * Demand by product and currency, from every recorded event.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection: Projection.Projection<
  OrderEvent,
  Pick<ProductDemand, "productId" | "currency">,
  ProductDemand
> = Projection.define({
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
    // It names no currency: the system that recorded it had only one.
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

/**
 * Widens the dates: events of different orders may have occurred in another order than the log's.
 */
const seen = (row: ProductDemand, at: DateTime.Utc): ProductDemand => ({
  ...row,
  firstAt: DateTime.min(row.firstAt, at),
  lastAt: DateTime.max(row.lastAt, at)
})

/**
 * Sets the latest name; of two names of one moment the greater wins, in either order of arrival.
 */
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
