/**
 * The read model `address_changes`: how often the shipping address of an order was set, and so changed. How often a
 * customer changed it:
 *
 * ```sql
 * SELECT customer_id, sum(changes) FROM read_models.address_changes GROUP BY customer_id
 * ```
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { identifier } from "./internal/Text.ts"
import { aggregate } from "./Order.ts"

/**
 * An order with the addresses that were recorded.
 *
 * **Details**
 * `timesSet`: how many were. `changes`: all but the first. `firstSetAt` and `lastSetAt`: `null` without one.
 *
 * @category types
 * @since 0.1.0
 */
export const AddressChanges = Schema.Struct({
  orderId: identifier,
  customerId: identifier,
  timesSet: Schema.Int,
  changes: Schema.Int,
  firstSetAt: Schema.NullOr(Schema.DateTimeUtc),
  lastSetAt: Schema.NullOr(Schema.DateTimeUtc)
})

/**
 * @category types
 * @since 0.1.0
 */
export type AddressChanges = typeof AddressChanges.Type

/**
 * Counts the addresses of each order; that of the same address again is no event.
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
  keys: (event, { streamId }) =>
    event._tag === "OrderCreated" || event._tag === "ShippingAddressUpdated"
      ? [{ orderId: StreamId.id(streamId) }]
      : [],
  streams: ({ orderId }) => [Result.getOrThrow(StreamId.make(aggregate.category, orderId))],
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    if (event._tag === "OrderCreated") {
      const { customerId } = event
      const none = { timesSet: 0, changes: 0, firstSetAt: null, lastSetAt: null }
      return row ?? { ...key, customerId, ...none }
    }
    // An address without an order is nobody's.
    if (row === undefined || event._tag !== "ShippingAddressUpdated") return row
    const at = recorded.occurredAt
    return {
      ...row,
      timesSet: row.timesSet + 1,
      changes: row.timesSet,
      firstSetAt: row.firstSetAt === null ? at : DateTime.min(row.firstSetAt, at),
      lastSetAt: row.lastSetAt === null ? at : DateTime.max(row.lastSetAt, at)
    }
  }
})
