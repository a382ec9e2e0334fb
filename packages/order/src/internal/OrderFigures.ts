/**
 * The figures that read models of an order share: status, lines, total and count, folded by the
 * rules of `evolve` in `OrderDecider`, with fewer fields than its state.
 *
 * The total and the count are updated with each event, so that none is summed over all lines. An
 * event without effect returns the same object, so that a read model can compare.
 */
import * as Schema from "effect/Schema"
import { times } from "../Money.ts"
import { OrderEvent } from "../OrderEvent.ts"
import { MAX_ITEM_COUNT } from "../Quantity.ts"
import * as LineIndex from "./LineIndex.ts"

/**
 * The fields of a row. The schemas of the events have checked the values already.
 */
export const fields = {
  customerId: Schema.String,
  status: Schema.Literals(["draft", "confirmed", "shipped", "cancelled"]),
  currency: Schema.String,
  // A bigint: the decider limits totals to 2^53 - 1, but a log by another writer may hold more.
  /** In minor units of `currency`. */
  totalMinor: Schema.BigInt,
  /** The number of items, over all lines. */
  itemCount: Schema.Int,
  /** True once a shipping address was given. */
  hasAddress: Schema.Boolean,
  // Tuples, since a row is written whole: they take a third of the bytes of objects.
  /**
   * Product, unit price in minor units, and quantity; the line with the latest addition comes last,
   * as in `OrderState`. With them a removal that names neither price nor quantity counts exactly.
   */
  lines: Schema.Array(Schema.Tuple([Schema.String, Schema.Int, Schema.Int]))
}

type Figures = Schema.Struct.Type<typeof fields>
type Line = Figures["lines"][number]

const Lines = LineIndex.make<Line>({
  product: ([product]) => product,
  price: ([, price]) => price,
  quantity: ([, , quantity]) => quantity,
  value: ([, price, quantity]) => times(price, quantity)
})

type Event<Tag extends OrderEvent["_tag"]> = Extract<OrderEvent, { readonly _tag: Tag }>

export const created = ({ currency, customerId }: Event<"OrderCreated">): Figures => ({
  customerId,
  status: "draft",
  currency,
  totalMinor: 0n,
  itemCount: 0,
  hasAddress: false,
  lines: []
})

type Change = <Row extends Figures>(row: Row) => Row

const isOpen = ({ status }: Figures): boolean => status === "draft" || status === "confirmed"

const unchanged: Change = (row) => row

/** Returns the row after an event; the same object when the event has no effect. */
export const after: (event: OrderEvent) => Change = OrderEvent.match({
  OrderCreated: (): Change => unchanged,
  ItemAdded:
    (event): Change =>
    (row) =>
      isOpen(row) ? withAdded(row, event) : row,
  ItemRemoved:
    (event): Change =>
    (row) =>
      isOpen(row) ? withoutRemoved(row, event) : row,
  ProductRemoved:
    ({ productId }): Change =>
    (row) =>
      isOpen(row) ? withoutProduct(row, productId) : row,
  ShippingAddressUpdated: (): Change => (row) => (isOpen(row) ? { ...row, hasAddress: true } : row),
  OrderConfirmed: (): Change => (row) =>
    row.status === "draft" ? { ...row, status: "confirmed" } : row,
  OrderShipped: (): Change => (row) =>
    row.status === "confirmed" && row.hasAddress && row.lines.length > 0
      ? { ...row, status: "shipped" }
      : row,
  OrderCancelled: (): Change => (row) => (isOpen(row) ? { ...row, status: "cancelled" } : row)
})

const withAdded = <Row extends Figures>(row: Row, event: Event<"ItemAdded">): Row => {
  const { productId, quantity, unitPrice } = event
  const countless = quantity > MAX_ITEM_COUNT - row.itemCount
  if (unitPrice.currency !== row.currency || countless) return row
  const before = Lines.find(row.lines, productId, unitPrice.minor)
  const line: Line = [productId, unitPrice.minor, quantity + (before?.[2] ?? 0)]
  return {
    ...row,
    totalMinor: row.totalMinor + times(unitPrice.minor, quantity),
    itemCount: row.itemCount + quantity,
    lines: Lines.putLast(row.lines, before, line)
  }
}

const withoutRemoved = <Row extends Figures>(row: Row, event: Event<"ItemRemoved">): Row => {
  const { productId, quantity, unitPrice } = event
  if (unitPrice.currency !== row.currency) return row
  const before = Lines.find(row.lines, productId, unitPrice.minor)
  if (before === undefined) return row
  const taken = Math.min(quantity, before[2])
  const left: Line = [productId, unitPrice.minor, before[2] - taken]
  return {
    ...row,
    totalMinor: row.totalMinor - times(unitPrice.minor, taken),
    itemCount: row.itemCount - taken,
    lines: Lines.replace(row.lines, before, left[2] === 0 ? undefined : left)
  }
}

const withoutProduct = <Row extends Figures>(row: Row, productId: string): Row => {
  const removed = Lines.ofProduct(row.lines, productId)
  if (removed.length === 0) return row
  let { itemCount, lines, totalMinor } = row
  for (const line of removed) {
    const [, unitPriceMinor, quantity] = line
    itemCount -= quantity
    totalMinor -= times(unitPriceMinor, quantity)
    lines = Lines.replace(lines, line, undefined)
  }
  return { ...row, totalMinor, itemCount, lines }
}
