/**
 * The read model `address_changes`: the addresses that an order was given, with number and dates.
 *
 * A table of current orders holds the last address only. This query counts the changes by customer:
 *
 * ```sql
 * select customer_id, sum(changes) as changes from read_models.address_changes group by customer_id
 * ```
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
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
 * @category types
 * @since 0.1.0
 */
export const AddressChanges = Schema.Struct({
  orderId: Schema.String,
  customerId: Schema.String,
  /** The number of times that another address replaced one; the first address is not a change. */
  changes: Schema.Int,
  /** The time when the first address of all was given; `null` before that. */
  firstAt: Schema.NullOr(Schema.DateTimeUtc),
  /** The time when the last address of all was given; `null` before that. */
  lastAt: Schema.NullOr(Schema.DateTimeUtc),
  /** The last {@link MAX_ADDRESSES} addresses, oldest first, so that a row stays bounded. */
  addresses: Schema.Array(Schema.Struct({ at: Schema.DateTimeUtc, address: Address.Address }))
})

/**
 * @category types
 * @since 0.1.0
 */
export type AddressChanges = Named.Struct<typeof AddressChanges>

/**
 * Addresses by order: every recorded one, in any status; the same address again is not a change.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection: Projection.Projection<
  OrderEvent,
  Pick<AddressChanges, "orderId">,
  AddressChanges
> = Projection.define({
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
