/**
 * What read models of an order fold alike: its status, lines, total and count, by the rules of `evolve` in
 * `OrderDecider`, from less than a state holds.
 *
 * The total and the count are carried along, so that an event costs no sum over all of them. An
 * event that means nothing gives the same object, so that a row can tell.
 */
import * as Schema from "effect/Schema"
import { times } from "../Money.ts"
import { OrderEvent } from "../OrderEvent.ts"
import { MAX_ITEM_COUNT } from "../Quantity.ts"
import * as LineIndex from "./LineIndex.ts"

/**
 * The fields of a row. What the events checked is not checked again.
 *
 * `lines`: product, unit price in minor units, and quantity; the line that was added to last comes last, as in `OrderState`.
 * Three places of an array take a third of the bytes of an object, and a row is written whole.
 */
export const fields = {
  customerId: Schema.String,
  status: Schema.Literals(["draft", "confirmed", "shipped", "cancelled"]),
  currency: Schema.String,
  // The decider keeps totals exact in JSON; a log that it did not write may hold more than 2^53 - 1.
  totalMinor: Schema.BigInt,
  itemCount: Schema.Int,
  hasAddress: Schema.Boolean,
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

/** The row after an event; the same one when the event means nothing to it. */
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
