/**
 * Adds up the log's events of the orders of a file.
 *
 * @since 0.1.0
 */
import type * as Money from "@daybook/order/Money"
import * as OrderState from "@daybook/order/OrderState"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Orders } from "./Orders.ts"

/**
 * An order, folded from its events.
 *
 * @category types
 * @since 0.1.0
 */
export interface OneOrder {
  readonly invoice: string
  readonly customerId: string
  readonly status: OrderState.OrderStatus
  readonly currency: Money.Currency
  readonly total: bigint
  readonly units: number
  readonly lines: number
  readonly lastAt: DateTime.Utc
}

/**
 * The orders in one status and currency, added up.
 *
 * @category types
 * @since 0.1.0
 */
export interface StatusSum {
  readonly status: OrderState.OrderStatus
  readonly currency: Money.Currency
  readonly orders: number
  readonly units: number
  readonly total: bigint
}

/**
 * All the orders of a file, added up.
 *
 * @category types
 * @since 0.1.0
 */
export interface LogFigures {
  readonly orders: number
  readonly events: number
  /** The number of events that added a row. */
  readonly items: number
  readonly byStatus: ReadonlyArray<StatusSum>
  /** The ten orders of highest value, highest first. */
  readonly largest: ReadonlyArray<OneOrder>
}

const LARGEST = 10

/**
 * Folds the orders of these invoices, one order at a time, and adds them up.
 *
 * @category operations
 * @since 0.1.0
 */
export const read = Effect.fn("LogFigures.read")(function* (invoices: Iterable<string>) {
  const shop = yield* Orders
  const byStatus = new Map<string, StatusSum>()
  let largest: ReadonlyArray<OneOrder> = []
  let orders = 0
  let events = 0
  let items = 0
  for (const invoice of invoices) {
    let last: { readonly state: OrderState.OrderState; readonly at: DateTime.Utc } | undefined
    yield* Stream.runForEachArray(shop.history(invoice), (entries) =>
      Effect.sync(() => {
        for (const { event, index, recorded, state } of entries) {
          if (index === 0) events += 1
          if (event._tag === "ItemAdded") items += 1
          last = { state, at: recorded.occurredAt }
        }
      })
    )
    const order = last === undefined ? undefined : figures(invoice, last.state, last.at)
    if (order === undefined) continue
    orders += 1
    addTo(byStatus, order)
    largest = [...largest, order].toSorted(byTotal).slice(0, LARGEST)
  }
  const found: LogFigures = { orders, events, items, byStatus: [...byStatus.values()], largest }
  return found
})

const figures = (
  invoice: string,
  state: OrderState.OrderState,
  lastAt: DateTime.Utc
): OneOrder | undefined =>
  state._tag === "NotCreated"
    ? undefined
    : {
        invoice,
        customerId: state.customerId,
        status: OrderState.status(state),
        currency: state.currency,
        total: OrderState.total(state),
        units: OrderState.itemCount(state),
        lines: state.lines.length,
        lastAt
      }

const addTo = (byStatus: Map<string, StatusSum>, order: OneOrder) => {
  const { currency, status } = order
  const key = `${status} ${currency}`
  const sum = byStatus.get(key) ?? { status, currency, orders: 0, units: 0, total: 0n }
  byStatus.set(key, {
    ...sum,
    orders: sum.orders + 1,
    units: sum.units + order.units,
    total: sum.total + order.total
  })
}

const byTotal = (a: OneOrder, b: OneOrder): number =>
  a.total === b.total ? 0 : a.total < b.total ? 1 : -1
