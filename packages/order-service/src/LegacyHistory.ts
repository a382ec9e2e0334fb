/**
 * Generates a plausible history of the shop's first system, the same one each time.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { v5 as uuidV5 } from "uuid"
import type { LegacyRow } from "./LegacyTable.ts"
import * as LegacyShop from "./LegacyShop.ts"

/** The number of orders that are open at a time. */
const OPEN_ORDERS = 25

/** Products with their price and their sale price. */
const PRODUCTS: Arr.NonEmptyReadonlyArray<readonly [string, number, number]> = [
  ["85123A", 2.55, 2.1],
  ["71053", 3.39, 2.75],
  ["84406B", 2.75, 2.08],
  ["22752", 7.65, 6.35],
  ["21730", 4.25, 3.75],
  ["22633", 1.85, 1.1],
  ["84879", 1.69, 0.29],
  ["22745", 2.1, 1.15],
  ["22960", 4.25, 0.57],
  ["22423", 12.75, 10.95]
]

const REASONS = ["found it cheaper", "changed my mind", "", "ordered twice\nby mistake"] as const

const NAMESPACE = "9a6c6c1e-54f0-5b0e-8e46-1f0a3b6f3f0a"

const START = DateTime.makeUnsafe("2009-12-01T07:45:00Z")

/** The requests on an open order; a request listed more often is likelier. */
const REQUESTS = [
  ...Arr.replicate("add" as const, 10),
  ...Arr.replicate("remove" as const, 3),
  ...Arr.replicate("confirm" as const, 2),
  "cancel",
  "leave"
] as const

interface OpenOrder {
  readonly id: string
  readonly order: LegacyShop.LegacyOrder | undefined
  readonly version: number
}

type WithoutRow<Event> = Event extends unknown ? Omit<Event, "aggregate_id" | "timestamp"> : never
type Data = WithoutRow<LegacyShop.LegacyEvent>

/**
 * Generates a table of the first system with `events` rows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const generate = (events: number): Effect.Effect<ReadonlyArray<LegacyRow>> =>
  Effect.gen(function* () {
    const rows: Array<LegacyRow> = []
    const open: Array<OpenOrder> = []
    let orders = 0
    let id = 0n
    let now = START
    while (rows.length < events) {
      if (open.length < OPEN_ORDERS) {
        orders += 1
        open.push({ id: uuidV5(`order ${orders}`, NAMESPACE), order: undefined, version: 0 })
      }
      const place = yield* Random.nextIntBetween(0, open.length, { halfOpen: true })
      const chosen = open[place]
      if (chosen === undefined) continue
      const data = yield* happens(chosen.order, orders)
      if (data === undefined) {
        open.splice(place, 1)
        continue
      }
      // Sequences leave gaps where transactions were rolled back.
      id += BigInt(yield* Random.choice([1, 1, 1, 1, 1, 1, 1, 2, 3] as const))
      now = DateTime.add(now, { seconds: yield* Random.nextIntBetween(1, 600) })
      const micros = (yield* Random.nextIntBetween(0, 999)).toString().padStart(3, "0")
      const createdAt = DateTime.formatIso(now).replace("Z", `${micros}Z`)
      const event: LegacyShop.LegacyEvent = {
        ...data,
        aggregate_id: chosen.id,
        timestamp: createdAt.replace("Z", "")
      }
      const version = chosen.version + 1
      rows.push({
        id,
        aggregateId: chosen.id,
        type: event.event_type,
        data: event,
        version,
        createdAt
      })
      open[place] = { id: chosen.id, order: LegacyShop.evolve(chosen.order, event), version }
    }
    return rows
  }).pipe(Random.withSeed("the first system"))

/** Draws the next event of an order by the old system's rules; `undefined` ends the order. */
const happens = Effect.fnUntraced(function* (
  order: LegacyShop.LegacyOrder | undefined,
  customers: number
): Effect.fn.Return<Data | undefined> {
  if (order === undefined) {
    const customer = yield* Random.nextIntBetween(1, Math.ceil(customers / 3))
    return { event_type: "OrderCreated", customer_id: String(12_345 + customer) }
  }
  const { items, status } = order
  const request = yield* Random.choice(REQUESTS)
  if (status === "cancelled" || request === "leave") return undefined
  // Confirmed orders were mostly left alone, though only cancellation ended an order.
  if (status === "confirmed" && (yield* Random.nextIntBetween(1, 4)) > 1) return undefined
  const item = Arr.isReadonlyArrayNonEmpty(items) ? yield* Random.choice(items) : undefined
  if (request === "remove" && item !== undefined) {
    return { event_type: "ItemRemoved", product_id: item.productId }
  }
  if (request === "confirm" && item !== undefined && status === "draft") {
    return { event_type: "OrderConfirmed" }
  }
  if (request === "cancel") {
    return { event_type: "OrderCancelled", reason: yield* Random.choice(REASONS) }
  }
  const [product_id, price, inSale] = yield* Random.choice(PRODUCTS)
  return {
    event_type: "ItemAdded",
    product_id,
    quantity: yield* Random.nextIntBetween(1, 12),
    price: (yield* Random.nextBoolean) ? price : inSale
  }
})
