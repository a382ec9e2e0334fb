/**
 * The rules of the shop's first system, unchanged: a textbook order and its summary, mistakes
 * included. They show that the log holds the same orders, and which old answers were wrong.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { LegacyRow } from "./LegacyTable.ts"

const row = { aggregate_id: Schema.String, timestamp: Schema.String }

/**
 * The content of the old system's column `event_data`.
 *
 * @category types
 * @since 0.1.0
 */
export const LegacyEvent = Schema.Union([
  Schema.Struct({
    event_type: Schema.tag("OrderCreated"),
    ...row,
    customer_id: Schema.String
  }),
  Schema.Struct({
    event_type: Schema.tag("ItemAdded"),
    ...row,
    product_id: Schema.String,
    quantity: Schema.Int,
    price: Schema.Finite
  }),
  Schema.Struct({ event_type: Schema.tag("ItemRemoved"), ...row, product_id: Schema.String }),
  Schema.Struct({ event_type: Schema.tag("OrderConfirmed"), ...row }),
  Schema.Struct({ event_type: Schema.tag("OrderCancelled"), ...row, reason: Schema.String })
]).pipe(Schema.toTaggedUnion("event_type"))

/**
 * @category types
 * @since 0.1.0
 */
export type LegacyEvent = typeof LegacyEvent.Type

/**
 * An order by the old rules; every addition is an item of its own.
 *
 * @category types
 * @since 0.1.0
 */
export interface LegacyOrder {
  readonly status: "draft" | "confirmed" | "cancelled"
  readonly customerId: string
  readonly items: ReadonlyArray<{
    readonly productId: string
    readonly quantity: number
    readonly price: number
  }>
}

/**
 * The row of an order in the old summary, which people read.
 *
 * @category types
 * @since 0.1.0
 */
export interface LegacySummary {
  readonly status: LegacyOrder["status"]
  readonly itemCount: number
}

const decode = Schema.decodeUnknownResult(LegacyEvent)

/**
 * Decodes the event of a row.
 *
 * @category operations
 * @since 0.1.0
 */
export const eventOf = ({
  aggregateId,
  createdAt,
  data,
  type
}: LegacyRow): Result.Result<LegacyEvent, Schema.SchemaError> =>
  // The columns repeat fields of the data, and unlike those they are always there.
  decode({ timestamp: createdAt, ...Object(data), aggregate_id: aggregateId, event_type: type })

/**
 * Folds an order by the old rules; `undefined` before it is created.
 *
 * @category operations
 * @since 0.1.0
 */
export const evolve = (
  order: LegacyOrder | undefined,
  event: LegacyEvent
): LegacyOrder | undefined =>
  LegacyEvent.match(event, {
    OrderCreated: ({ customer_id: customerId }): LegacyOrder | undefined => ({
      status: "draft",
      customerId,
      items: []
    }),
    ItemAdded: ({ price, product_id: productId, quantity }) =>
      order && { ...order, items: [...order.items, { productId, quantity, price }] },
    ItemRemoved: ({ product_id }) =>
      order && { ...order, items: order.items.filter((item) => item.productId !== product_id) },
    OrderConfirmed: () => order && { ...order, status: "confirmed" as const },
    OrderCancelled: () => order && { ...order, status: "cancelled" as const }
  })

/**
 * Folds the old summary: a removal takes off 1, whatever the quantity, and cancellations are
 * ignored.
 *
 * @category operations
 * @since 0.1.0
 */
export const summarize = (
  summary: LegacySummary | undefined,
  event: LegacyEvent
): LegacySummary | undefined =>
  LegacyEvent.match(event, {
    OrderCreated: (): LegacySummary | undefined => ({ status: "draft", itemCount: 0 }),
    ItemAdded: ({ quantity }) => summary && { ...summary, itemCount: summary.itemCount + quantity },
    ItemRemoved: () => summary && { ...summary, itemCount: summary.itemCount - 1 },
    OrderConfirmed: () => summary && { ...summary, status: "confirmed" as const },
    OrderCancelled: () => summary
  })
