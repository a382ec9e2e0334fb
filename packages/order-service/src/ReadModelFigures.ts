/**
 * A few figures from the shop's read models, added up row by row from wherever the rows are.
 *
 * @since 0.1.0
 */
import type * as Money from "@daybook/order/Money"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as Context from "effect/Context"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/**
 * The most entries in each list of the best, the most wanted and so on.
 *
 * @category limits
 * @since 0.1.0
 */
export const SHOWN = 3

/** The orders in one status and currency. */
interface StatusSum {
  readonly status: OrderSummary.OrderSummary["status"]
  readonly currency: Money.Currency
  readonly orders: number
  readonly units: bigint
  readonly totalMinor: bigint
}

/** The orders of a customer in a currency. */
interface CustomerSum {
  readonly customerId: string
  readonly currency: Money.Currency
  readonly orders: number
  readonly cancelled: number
  /** The value of confirmed and shipped orders. */
  readonly revenueMinor: bigint
  readonly lastOrderAt: DateTime.Utc
}

/** The units of a product that were added, removed and confirmed. */
interface ProductSum {
  readonly productId: string
  readonly currency: Money.Currency
  readonly name: string
  readonly unitsAdded: bigint
  readonly unitsRemoved: bigint
  readonly unitsConfirmed: bigint
}

/** Removals for one reason; the shop's first system recorded neither reasons nor units. */
interface RemovalSum {
  readonly reason: string | null
  readonly times: number
  readonly units: bigint | null
}

/**
 * The figures; all lists but `orders` have {@link SHOWN} elements at most.
 *
 * @category types
 * @since 0.1.0
 */
export interface Figures {
  readonly orders: ReadonlyArray<StatusSum>
  readonly customers: { readonly known: number; readonly best: ReadonlyArray<CustomerSum> }
  readonly products: {
    readonly known: number
    readonly unitsAdded: bigint
    readonly unitsRemoved: bigint
    readonly wholeRemovals: number
    readonly wanted: ReadonlyArray<ProductSum>
  }
  readonly addresses: {
    readonly orders: number
    readonly changes: number
    readonly restless: ReadonlyArray<{ readonly customerId: string; readonly changes: number }>
  }
  readonly removals: {
    readonly times: number
    readonly reasons: ReadonlyArray<RemovalSum>
  }
}

/**
 * The read models could not be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadModelsUnread extends Data.TaggedError("ReadModelsUnread")<{
  readonly cause: unknown
}> {
  override get message() {
    return `the read models: ${rootMessage(this.cause)}`
  }
}

/**
 * The figures, read row by row or in SQL.
 *
 * @category services
 * @since 0.1.0
 */
export class ReadModelFigures extends Context.Service<
  ReadModelFigures,
  {
    /** The way of reading, as a text for people. */
    readonly how: string
    readonly read: Effect.Effect<Figures, ReadModelsUnread>
  }
>()("@daybook/order-service/ReadModelFigures") {
  /**
   * Reads the figures row by row, as a store without SQL can.
   *
   * @category layers
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<ReadModelFigures, never, ReadModelStore> = Layer.effect(
    ReadModelFigures,
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const rowsOf = Stream.provideService(ReadModelStore, store)
      return byRow("read row by row", {
        summaries: rowsOf(ReadModel.query(OrderSummary.projection)),
        customers: rowsOf(ReadModel.query(CustomerOrders.projection)),
        demand: rowsOf(ReadModel.query(ProductDemand.projection)),
        addresses: rowsOf(ReadModel.query(AddressChanges.projection)),
        removals: rowsOf(ReadModel.query(RemovedItems.projection))
      })
    })
  )
}

/**
 * The rows of all read models, in any order.
 *
 * @category types
 * @since 0.1.0
 */
export interface Rows {
  readonly summaries: Stream.Stream<OrderSummary.OrderSummary, unknown>
  readonly customers: Stream.Stream<CustomerOrders.CustomerOrder, unknown>
  readonly demand: Stream.Stream<ProductDemand.ProductDemand, unknown>
  readonly addresses: Stream.Stream<AddressChanges.AddressChanges, unknown>
  readonly removals: Stream.Stream<RemovedItems.RemovedItem, unknown>
}

/**
 * Adds rows up one by one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const byRow = (how: string, rows: Rows): ReadModelFigures["Service"] => ({
  how,
  read: Effect.gen(function* () {
    return {
      orders: yield* orders(rows),
      customers: yield* customers(rows),
      products: yield* products(rows),
      addresses: yield* addresses(rows),
      removals: yield* removals(rows)
    }
  }).pipe(Effect.mapError((cause) => new ReadModelsUnread({ cause })))
})

/** Adds rows up by a key, in the order of the keys. */
const sums = <Row, Sum, E, R>(
  rows: Stream.Stream<Row, E, R>,
  key: (row: Row) => string,
  add: (sum: Sum | undefined, row: Row) => Sum
): Effect.Effect<ReadonlyArray<Sum>, E, R> =>
  Effect.map(
    Stream.runFold(
      rows,
      () => new Map<string, Sum>(),
      (all, row) => all.set(key(row), add(all.get(key(row)), row))
    ),
    (all) =>
      Array.from(all)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, sum]) => sum)
  )

/** Returns the first few by a number, highest first; equal ones stay in their order. */
const most = <A>(all: ReadonlyArray<A>, by: (one: A) => bigint | number): ReadonlyArray<A> =>
  all.toSorted((a, b) => (by(a) === by(b) ? 0 : by(a) < by(b) ? 1 : -1)).slice(0, SHOWN)

const orders = ({ summaries }: Rows) =>
  sums(
    summaries,
    ({ currency, status }) => `${status} ${currency}`,
    (sum: StatusSum | undefined, { currency, itemCount, status, totalMinor }): StatusSum => ({
      status,
      currency,
      orders: (sum?.orders ?? 0) + 1,
      units: (sum?.units ?? 0n) + BigInt(itemCount),
      totalMinor: (sum?.totalMinor ?? 0n) + totalMinor
    })
  )

const isBought = (status: OrderSummary.OrderSummary["status"]) =>
  status === "confirmed" || status === "shipped"

const customers = (rows: Rows) =>
  Effect.map(
    sums(
      rows.customers,
      ({ currency, customerId }) => `${customerId}\0${currency}`,
      (sum: CustomerSum | undefined, row): CustomerSum => ({
        customerId: row.customerId,
        currency: row.currency,
        orders: (sum?.orders ?? 0) + 1,
        cancelled: (sum?.cancelled ?? 0) + (row.status === "cancelled" ? 1 : 0),
        revenueMinor: (sum?.revenueMinor ?? 0n) + (isBought(row.status) ? row.totalMinor : 0n),
        lastOrderAt:
          sum === undefined ? row.createdAt : DateTime.max(sum.lastOrderAt, row.createdAt)
      })
    ),
    (all) => ({
      known: new Set(all.map(({ customerId }) => customerId)).size,
      best: most(all, ({ revenueMinor }) => revenueMinor)
    })
  )

/** The units in confirmed and shipped orders, by currency and product. */
const bought = ({ summaries }: Rows) =>
  Stream.runFold(
    Stream.filter(summaries, ({ status }) => isBought(status)),
    () => new Map<string, bigint>(),
    (units, { currency, lines }) => {
      for (const [productId, , quantity] of lines) {
        const key = `${currency} ${productId}`
        units.set(key, (units.get(key) ?? 0n) + BigInt(quantity))
      }
      return units
    }
  )

const products = Effect.fnUntraced(function* (all: Rows) {
  const rows = (yield* Stream.runCollect(all.demand)).toSorted((a, b) =>
    `${a.productId}\0${a.currency}` < `${b.productId}\0${b.currency}` ? -1 : 1
  )
  const units = yield* bought(all)
  return {
    known: new Set(rows.map(({ productId }) => productId)).size,
    unitsAdded: rows.reduce((sum, row) => sum + row.unitsAdded, 0n),
    unitsRemoved: rows.reduce((sum, row) => sum + row.unitsRemoved, 0n),
    wholeRemovals: rows.reduce((sum, row) => sum + row.wholeRemovals, 0),
    wanted: most(rows, (row) => row.unitsAdded).map((row): ProductSum => {
      const { currency, name, productId, unitsAdded, unitsRemoved } = row
      const unitsConfirmed = units.get(`${currency} ${productId}`) ?? 0n
      return { productId, currency, name, unitsAdded, unitsRemoved, unitsConfirmed }
    })
  }
})

const addresses = Effect.fnUntraced(function* (all: Rows) {
  const rows = yield* Stream.runCollect(all.addresses)
  const byCustomer = yield* sums(
    Stream.fromIterable(rows),
    ({ customerId }) => customerId,
    (sum: { readonly customerId: string; readonly changes: number } | undefined, row) => ({
      customerId: row.customerId,
      changes: (sum?.changes ?? 0) + row.changes
    })
  )
  return {
    orders: rows.filter(({ firstAt }) => firstAt !== null).length,
    changes: rows.reduce((sum, row) => sum + row.changes, 0),
    restless: most(
      byCustomer.filter(({ changes }) => changes > 0),
      ({ changes }) => changes
    )
  }
})

const removals = (rows: Rows) =>
  Effect.map(
    sums(
      rows.removals,
      ({ reason }) => reason ?? "",
      (sum: RemovalSum | undefined, { quantity, reason }): RemovalSum => ({
        reason,
        times: (sum?.times ?? 0) + 1,
        units: quantity === null ? (sum?.units ?? null) : (sum?.units ?? 0n) + BigInt(quantity)
      })
    ),
    (all) => ({
      times: all.reduce((sum, { times }) => sum + times, 0),
      reasons: most(all, ({ times }) => times)
    })
  )
