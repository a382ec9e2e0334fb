/**
 * Compares the orders in the log with the orders that the first system would have shown, and finds
 * the faults of its rules.
 *
 * @since 0.1.0
 */
import * as Revision from "@daybook/kernel/Revision"
import * as Order from "@daybook/order/Order"
import * as OrderState from "@daybook/order/OrderState"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as LegacyShop from "./LegacyShop.ts"
import type { LegacyRow } from "./LegacyTable.ts"
import * as Listed from "./Listed.ts"

/**
 * A remark on an order.
 *
 * @category types
 * @since 0.1.0
 */
export interface Finding {
  readonly order: string
  readonly finding: string
}

interface Audit {
  readonly orders: number
  /** The number of orders whose state in the log equals the old fold's. */
  readonly same: number
  /** The other orders. */
  readonly different: Listed.Listed<Finding>
  /** The old summary has a wrong item count: a removal took off 1, whatever the quantity. */
  readonly miscounted: Listed.Listed<Finding>
  /** The order is cancelled, and the old summary does not say so. */
  readonly unnoticed: Listed.Listed<Finding>
  /** Items were added or removed after confirmation. */
  readonly changed: Listed.Listed<Finding>
  /** By status, the number of orders in the old summary and in the log. */
  readonly statuses: ReadonlyMap<
    OrderState.OrderStatus,
    { readonly old: number; readonly log: number }
  >
}

/** The first system's data on an order. */
interface Known {
  readonly order: LegacyShop.LegacyOrder | undefined
  readonly summary: LegacyShop.LegacySummary | undefined
  readonly rows: number
  readonly changes: number
}

/**
 * Folds the rows of `orders` by the old rules, and compares the results with the log.
 *
 * **Details**
 * Memory grows with the orders and their items.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.fn("LegacyAudit.run")(function* <E, R>(
  rows: Stream.Stream<LegacyRow, E, R>,
  orders: ReadonlySet<string>,
  aggregate = Order.aggregate
) {
  const handler = yield* CommandHandler
  const known = new Map<string, Known>()
  yield* Stream.runForEach(rows, (row) =>
    Effect.sync(() => {
      if (!orders.has(row.aggregateId)) return
      known.set(row.aggregateId, next(known.get(row.aggregateId), row))
    })
  )

  const different = Listed.make<Finding>()
  const miscounted = Listed.make<Finding>()
  const unnoticed = Listed.make<Finding>()
  const changed = Listed.make<Finding>()
  const statuses = new Map<OrderState.OrderStatus, { old: number; log: number }>()
  const count = (status: OrderState.OrderStatus, side: "old" | "log") => {
    const sum = statuses.get(status) ?? { old: 0, log: 0 }
    statuses.set(status, { ...sum, [side]: sum[side] + 1 })
  }
  let same = 0
  for (const [order, { changes, order: old, rows: imported, summary }] of known) {
    // Each row is an event; the order may have more events since.
    const at = { revision: Revision.make(imported) }
    const { state } = yield* handler.loadAt(aggregate, order, at)
    if (Equal.equals(ofOld(old), ofToday(state))) same += 1
    else
      different.add({
        order,
        finding: `${told(ofOld(old))} by the old rules, ${told(ofToday(state))} in the log`
      })

    const status = OrderState.status(state)
    const items = OrderState.itemCount(state)
    count(status, "log")
    count(summary?.status ?? "none", "old")
    if (summary === undefined) continue
    if (summary.itemCount !== items) {
      miscounted.add({ order, finding: `said ${summary.itemCount}, has ${items}` })
    }
    if (status === "cancelled") unnoticed.add({ order, finding: `said ${summary.status}` })
    if (changes > 0)
      changed.add({ order, finding: `${changes} ${changes === 1 ? "time" : "times"}` })
  }
  const audit: Audit = {
    orders: known.size,
    same,
    different: different.listed(),
    miscounted: miscounted.listed(),
    unnoticed: unnoticed.listed(),
    changed: changed.listed(),
    statuses
  }
  return audit
})

const next = (before: Known | undefined, row: LegacyRow): Known => {
  const { changes = 0, order, summary } = before ?? {}
  const rows = (before?.rows ?? 0) + 1
  const event = Result.getOrUndefined(LegacyShop.eventOf(row))
  // The old system did not fold rows that it could not read.
  if (event === undefined) return { order, summary, rows, changes }
  const ofItems = event.event_type === "ItemAdded" || event.event_type === "ItemRemoved"
  return {
    order: LegacyShop.evolve(order, event),
    summary: LegacyShop.summarize(summary, event),
    rows,
    changes: changes + (ofItems && order?.status === "confirmed" ? 1 : 0)
  }
}

/** An order in terms that both folds share. */
interface Comparable {
  readonly status: OrderState.OrderStatus
  readonly customerId: string | undefined
  /** The quantity of each product at each price in minor units. */
  readonly quantities: ReadonlyMap<string, number>
}

const ofOld = (order: LegacyShop.LegacyOrder | undefined): Comparable => {
  const quantities = new Map<string, number>()
  for (const { price, productId, quantity } of order?.items ?? []) {
    const key = `${productId} ${penceOf(price)}`
    quantities.set(key, (quantities.get(key) ?? 0) + quantity)
  }
  return { status: order?.status ?? "none", customerId: order?.customerId, quantities }
}

/**
 * Returns pence from the printed digits of the price, a different way than the upcaster's.
 * Fractions of a penny follow a point.
 */
const penceOf = (price: number): string => {
  const [pounds = "", decimals = ""] = price.toFixed(8).split(".")
  const pence = `${pounds}${decimals.slice(0, 2)}`.replace(/^0+(?=\d)/, "")
  // Six digits: on a text without a bound this expression would be quadratic.
  const fraction = decimals.slice(2).replace(/0+$/, "")
  return fraction === "" ? pence : `${pence}.${fraction}`
}

const ofToday = (state: OrderState.OrderState): Comparable => ({
  status: OrderState.status(state),
  customerId: state._tag === "NotCreated" ? undefined : state.customerId,
  quantities: new Map(
    OrderState.lines(state).map((line) => [
      `${line.productId} ${line.unitPriceMinor}`,
      line.quantity
    ])
  )
})

const told = ({ customerId, quantities, status }: Comparable): string =>
  `${status}, customer ${customerId ?? "none"}, ${Array.from(quantities, ([key, quantity]) => `${quantity} x ${key}`).join(" + ")}`
