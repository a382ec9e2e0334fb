/**
 * The read model `address_changes`: how often an order was given another address, when, and which they were.
 *
 * A table of orders as they are holds the last address. Of all orders of a customer:
 *
 * ```sql
 * select customer_id, sum(changes) as changes from read_models.address_changes group by customer_id
 * ```
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as Schema from "effect/Schema"
import * as Address from "./Address.ts"
import * as OrderKey from "./internal/OrderKey.ts"
import { aggregate } from "./Order.ts"
import { OrderEvent } from "./OrderEvent.ts"

/**
 * The most addresses that a row shows; all of them are counted.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ADDRESSES = 20

/**
 * The addresses of an order.
 *
 * **Details**
 * `changes`: how often an address took the place of another one; the first is no change. `addresses`: the
 * last {@link MAX_ADDRESSES} of them, oldest first, so that a row is bounded however often it changes. `firstAt`, `lastAt`: when the
 * first and the last one of all were given, `null` when none was.
 *
 * @category types
 * @since 0.1.0
 */
export const AddressChanges = Schema.Struct({
  orderId: Schema.String,
  customerId: Schema.String,
  changes: Schema.Int,
  firstAt: Schema.NullOr(Schema.DateTimeUtc),
  lastAt: Schema.NullOr(Schema.DateTimeUtc),
  addresses: Schema.Array(Schema.Struct({ at: Schema.DateTimeUtc, address: Address.Address }))
})

/**
 * @category types
 * @since 0.1.0
 */
export type AddressChanges = typeof AddressChanges.Type

/**
 * Addresses by order, each that was recorded, whatever the order was then; the same again is no other.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection = Projection.define({
  name: "address_changes",
  version: 1,
  from: [aggregate],
  row: AddressChanges,
  primaryKey: ["orderId"],
  indexes: [["customerId"]]
}).fold({
  keys: (event, recorded) => (isTold(event) ? [OrderKey.keyOf(recorded)] : []),
  streams: OrderKey.streamsOf,
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    if (row === undefined) {
      return event._tag === "OrderCreated"
        ? {
            ...key,
            customerId: event.customerId,
            changes: 0,
            firstAt: null,
            lastAt: null,
            addresses: []
          }
        : undefined
    }
    return event._tag === "ShippingAddressUpdated" ? given(row, event.address, recorded) : row
  }
})

const isTold = OrderEvent.match({
  OrderCreated: () => true,
  ItemAdded: () => false,
  ItemRemoved: () => false,
  ProductRemoved: () => false,
  ShippingAddressUpdated: () => true,
  OrderConfirmed: () => false,
  OrderShipped: () => false,
  OrderCancelled: () => false
})

const given = (
  row: AddressChanges,
  address: Address.Address,
  { occurredAt: at }: { readonly occurredAt: typeof Schema.DateTimeUtc.Type }
): AddressChanges => {
  const current = row.addresses.at(-1)
  if (current !== undefined && Address.equivalence(current.address, address)) return row
  return {
    ...row,
    changes: current === undefined ? 0 : row.changes + 1,
    firstAt: row.firstAt ?? at,
    lastAt: at,
    addresses: [...row.addresses, { at, address }].slice(-MAX_ADDRESSES)
  }
}
