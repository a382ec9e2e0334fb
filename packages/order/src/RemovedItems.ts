/**
 * The read model `removed_items`: what was taken out of orders, and why.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, MinorUnits } from "./Money.ts"
import { aggregate } from "./Order.ts"
import { RecordedQuantity } from "./Quantity.ts"

/**
 * A removal from one line of an order.
 *
 * **Details**
 * `name`, `quantity`, `unitPrice` (in minor units of `currency`) and `reason`: `null` where the shop's first system recorded the
 * removal, which wrote down the product alone. `schemaVersion`: that in which it is stored. `actor`: who did it, if that was recorded.
 *
 * @category types
 * @since 0.1.0
 */
export const RemovedItem = Schema.Struct({
  eventId: EventId,
  orderId: identifier,
  productId: identifier,
  name: Schema.NullOr(text(0, 500)),
  quantity: Schema.NullOr(RecordedQuantity),
  unitPrice: Schema.NullOr(MinorUnits),
  currency: Schema.NullOr(Currency),
  reason: Schema.NullOr(sentence),
  actor: Schema.NullOr(Schema.String),
  removedAt: Schema.DateTimeUtc,
  schemaVersion: Schema.Int
})

/**
 * @category types
 * @since 0.1.0
 */
export type RemovedItem = typeof RemovedItem.Type

/**
 * Keeps a row for each removal.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection = Projection.define({
  name: "removed_items",
  version: 1,
  from: [aggregate],
  row: RemovedItem,
  primaryKey: ["eventId"],
  indexes: [["productId", "removedAt"], ["orderId"]]
}).fold({
  keys: (event, { id }) =>
    event._tag === "ItemRemoved" || event._tag === "ProductRemoved" ? [{ eventId: id }] : [],
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    const removed = {
      ...key,
      orderId: StreamId.id(recorded.streamId),
      actor: recorded.metadata.actor ?? null,
      removedAt: recorded.occurredAt,
      // What today's event no longer tells: how it was stored.
      schemaVersion: recorded.schemaVersion
    }
    if (event._tag === "ItemRemoved") {
      const { name, productId, quantity, reason, unitPrice } = event
      const { currency, minor } = unitPrice
      return { ...removed, productId, name, quantity, unitPrice: minor, currency, reason }
    }
    if (event._tag !== "ProductRemoved") return row
    const unknown = { name: null, quantity: null, unitPrice: null, currency: null, reason: null }
    return { ...removed, productId: event.productId, ...unknown }
  }
})
