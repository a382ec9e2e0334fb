/**
 * The read model `order_summary`: what each order is now, in a row.
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import { identifier, sentence } from "./internal/Text.ts"
import { Currency, MinorUnits, times } from "./Money.ts"
import { aggregate } from "./Order.ts"
import { OrderEvent } from "./OrderEvent.ts"
import { MAX_ITEM_COUNT, RecordedQuantity } from "./Quantity.ts"

const Line = Schema.Struct({
  productId: identifier,
  unitPriceMinor: MinorUnits,
  quantity: RecordedQuantity
})
type Line = typeof Line.Type

/**
 * An order in a row.
 *
 * **Details**
 * `total`: of all lines, in minor units of `currency`. `itemCount`: over all lines. `updatedAt`: when the last event
 * happened that changed the row. `lines`: what the removal of a whole product is counted by.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderSummary = Schema.Struct({
  orderId: identifier,
  customerId: identifier,
  currency: Currency,
  status: Schema.Literals(["draft", "confirmed", "shipped", "cancelled"]),
  total: Schema.BigInt,
  itemCount: Schema.Int,
  lineCount: Schema.Int,
  createdAt: Schema.DateTimeUtc,
  updatedAt: Schema.DateTimeUtc,
  address: Schema.NullOr(Address),
  cancelReason: Schema.NullOr(sentence),
  lines: Schema.Array(Line)
})

/**
 * @category types
 * @since 0.1.0
 */
export type OrderSummary = typeof OrderSummary.Type

/**
 * Keeps the total and the counts right after any mix of additions and removals.
 *
 * **Details**
 * As in `OrderDecider`, an event that means nothing in a state leaves the row as it is.
 *
 * @category projections
 * @since 0.1.0
 */
export const projection = Projection.define({
  name: "order_summary",
  version: 1,
  from: [aggregate],
  row: OrderSummary,
  primaryKey: ["orderId"],
  indexes: [["customerId"], ["status", "updatedAt"]]
}).fold({
  keys: (_event, { streamId }) => [{ orderId: StreamId.id(streamId) }],
  streams: ({ orderId }) => [Result.getOrThrow(StreamId.make(aggregate.category, orderId))],
  initial: () => undefined,
  apply: (row, event, { key, recorded }) => {
    const at = recorded.occurredAt
    if (row === undefined) {
      if (event._tag !== "OrderCreated") return undefined
      const { currency, customerId } = event
      return {
        ...key,
        customerId,
        currency,
        status: "draft",
        total: 0n,
        itemCount: 0,
        lineCount: 0,
        createdAt: at,
        updatedAt: at,
        address: null,
        cancelReason: null,
        lines: []
      }
    }
    const after = isOpen(row) ? changed(row, event) : row
    return after === row ? row : { ...after, updatedAt: at }
  }
})

const isOpen = ({ status }: OrderSummary): boolean => status === "draft" || status === "confirmed"

/** The same object when nothing is changed. */
const changed = (row: OrderSummary, event: OrderEvent): OrderSummary =>
  OrderEvent.match(event, {
    OrderCreated: (): OrderSummary => row,
    ItemAdded: ({ productId, quantity, unitPrice }): OrderSummary => {
      // No number could count the items after it.
      const countless = quantity > MAX_ITEM_COUNT - row.itemCount
      if (unitPrice.currency !== row.currency || countless) return row
      const index = lineOf(row, productId, unitPrice.minor)
      const before = row.lines[index]
      const line: Line = {
        productId,
        unitPriceMinor: unitPrice.minor,
        quantity: quantity + (before?.quantity ?? 0)
      }
      return {
        ...row,
        total: row.total + times(unitPrice.minor, quantity),
        itemCount: row.itemCount + quantity,
        ...withLines(before === undefined ? [...row.lines, line] : row.lines.with(index, line))
      }
    },
    ItemRemoved: ({ productId, quantity, unitPrice }): OrderSummary => {
      if (unitPrice.currency !== row.currency) return row
      const index = lineOf(row, productId, unitPrice.minor)
      const before = row.lines[index]
      if (before === undefined) return row
      const left = before.quantity - quantity
      return withoutItems(
        row,
        [{ ...before, quantity: Math.min(quantity, before.quantity) }],
        left > 0
          ? row.lines.with(index, { ...before, quantity: left })
          : row.lines.toSpliced(index, 1)
      )
    },
    ProductRemoved: ({ productId }): OrderSummary => {
      const removed = row.lines.filter((line) => line.productId === productId)
      if (removed.length === 0) return row
      const left = row.lines.filter((line) => line.productId !== productId)
      return withoutItems(row, removed, left)
    },
    ShippingAddressUpdated: ({ address }): OrderSummary => ({ ...row, address }),
    OrderConfirmed: (): OrderSummary =>
      row.status === "draft" ? { ...row, status: "confirmed" } : row,
    OrderShipped: (): OrderSummary =>
      row.status === "confirmed" && row.address !== null && row.lines.length > 0
        ? { ...row, status: "shipped" }
        : row,
    OrderCancelled: ({ reason }): OrderSummary => ({
      ...row,
      status: "cancelled",
      cancelReason: reason
    })
  })

const lineOf = ({ lines }: OrderSummary, productId: string, unitPriceMinor: number): number =>
  lines.findIndex((line) => line.productId === productId && line.unitPriceMinor === unitPriceMinor)

const withLines = (lines: ReadonlyArray<Line>) => ({ lines, lineCount: lines.length })

const withoutItems = (
  row: OrderSummary,
  removed: ReadonlyArray<Line>,
  left: ReadonlyArray<Line>
): OrderSummary => ({
  ...row,
  total: removed.reduce(
    (total, { quantity, unitPriceMinor }) => total - times(unitPriceMinor, quantity),
    row.total
  ),
  itemCount: removed.reduce((count, { quantity }) => count - quantity, row.itemCount),
  ...withLines(left)
})
