/**
 * The read model `removed_items`: the items taken out of an order, with reason and actor.
 *
 * A table of current orders has no row for them. This query counts them by reason:
 *
 * ```sql
 * select reason, count(*) as times, sum(quantity) as units
 * from read_models.removed_items group by reason order by times desc
 * ```
 *
 * @since 0.1.0
 */
import * as EventId from "@daybook/kernel/EventId"
import type * as Named from "@daybook/kernel/Named"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import { aggregate } from "./Order.ts"
import { OrderEvent } from "./OrderEvent.ts"

/**
 * A removal, by the event that recorded it.
 *
 * **Details**
 * `name`, `quantity`, `currency`, `unitPriceMinor` and `reason` are `null` where the shop's first
 * system recorded none.
 *
 * @category types
 * @since 0.1.0
 */
export const RemovedItem = Schema.Struct({
  // A UUID of any kind: the check of `EventId` asks for less than `isUUID` does.
  eventId: EventId.EventId.check(Schema.isGUID()),
  orderId: Schema.String,
  productId: Schema.String,
  name: Schema.NullOr(Schema.String),
  quantity: Schema.NullOr(Schema.Int),
  currency: Schema.NullOr(Schema.String),
  unitPriceMinor: Schema.NullOr(Schema.Int),
  reason: Schema.NullOr(Schema.String),
  removedAt: Schema.DateTimeUtc,
  /** The actor of the event, if it has one. */
  removedBy: Schema.NullOr(Schema.String),
  /** The stored type and schema version, such as `ItemRemoved v1`. */
  recordedAs: Schema.String
})

/**
 * @category types
 * @since 0.1.0
 */
export type RemovedItem = Named.Struct<typeof RemovedItem>

/**
 * Removals, each in a row of its own.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection: Projection.Projection<
  OrderEvent,
  Pick<RemovedItem, "eventId">,
  RemovedItem
> = Projection.define({
  name: "removed_items",
  version: 1,
  from: [aggregate],
  row: RemovedItem,
  primaryKey: ["eventId"],
  indexes: [["orderId"], ["productId"]]
}).fold({
  keys: (event, { id }) => (isRemoval(event) ? [{ eventId: id }] : []),
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    const about = {
      ...key,
      orderId: StreamId.id(recorded.streamId),
      removedAt: recorded.occurredAt,
      removedBy: recorded.metadata.actor ?? null,
      // The codec hides the stored form; here it distinguishes a gap from an omission.
      recordedAs: `${recorded.type} v${recorded.schemaVersion}`
    }
    return OrderEvent.match(event, {
      OrderCreated: () => row,
      ItemAdded: () => row,
      ItemRemoved: ({ name, productId, quantity, reason, unitPrice }) => ({
        ...about,
        productId,
        name,
        quantity,
        currency: unitPrice.currency,
        unitPriceMinor: unitPrice.minor,
        reason
      }),
      ProductRemoved: ({ productId }) => ({ ...about, productId, ...UNKNOWN }),
      ShippingAddressUpdated: () => row,
      OrderConfirmed: () => row,
      OrderShipped: () => row,
      OrderCancelled: () => row
    })
  }
})

const isRemoval = OrderEvent.match({
  OrderCreated: () => false,
  ItemAdded: () => false,
  ItemRemoved: () => true,
  ProductRemoved: () => true,
  ShippingAddressUpdated: () => false,
  OrderConfirmed: () => false,
  OrderShipped: () => false,
  OrderCancelled: () => false
})

const UNKNOWN = {
  name: null,
  quantity: null,
  currency: null,
  unitPriceMinor: null,
  reason: null
}
