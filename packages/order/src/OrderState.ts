/**
 * The state of an order after its events: one case for each status, with the facts of that status.
 *
 * Laws, for every state:
 *
 * 1. A product at a unit price has at most one line.
 * 2. The total is the sum over the lines, exactly.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import * as OrderLines from "./internal/OrderLines.ts"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, MinorUnits } from "./Money.ts"
import { MAX_ITEM_COUNT, RecordedQuantity } from "./Quantity.ts"

/**
 * A quantity of a product at a unit price, in the order's currency.
 *
 * @category types
 * @since 0.1.0
 */
export const Line = Schema.Struct({
  productId: identifier,
  name: text(0, 500),
  quantity: RecordedQuantity,
  unitPriceMinor: MinorUnits
})

/**
 * @category types
 * @since 0.1.0
 */
export type Line = Named.Struct<typeof Line>

const oneLinePerKey = Schema.makeFilter(
  (all: ReadonlyArray<Line>) =>
    new Set(all.map((line) => `${line.unitPriceMinor} ${line.productId}`)).size === all.length,
  { expected: "at most one line for a product at a unit price" }
)

const countable = Schema.makeFilter(
  (all: ReadonlyArray<Line>) => all.reduce((sum, line) => sum + line.quantity, 0) <= MAX_ITEM_COUNT,
  {
    expected: `at most ${MAX_ITEM_COUNT} items`
  }
)

/** The line with the latest addition comes last. */
const Lines = Schema.Array(Line).check(oneLinePerKey, countable)
const SomeLines = Schema.NonEmptyArray(Line).check(oneLinePerKey, countable)

const customer = { customerId: identifier, currency: Currency }

/**
 * The states of an order.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderState = Schema.TaggedUnion({
  NotCreated: {},
  Draft: { ...customer, lines: Lines, address: Schema.optionalKey(Address) },
  /** May have no lines: the shop's first system allowed their removal after confirmation. */
  Confirmed: { ...customer, lines: Lines, address: Schema.optionalKey(Address) },
  Shipped: {
    ...customer,
    lines: SomeLines,
    address: Address,
    carrier: identifier,
    tracking: identifier
  },
  Cancelled: {
    ...customer,
    lines: Lines,
    address: Schema.optionalKey(Address),
    reason: sentence
  }
})

/**
 * @category types
 * @since 0.1.0
 */
export type OrderState = Named.Union<typeof OrderState>

/**
 * The name of a state, for people and read models.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderStatus = Schema.Literals(["none", "draft", "confirmed", "shipped", "cancelled"])

/**
 * @category types
 * @since 0.1.0
 */
export type OrderStatus = typeof OrderStatus.Type

/**
 * Returns the status of an order; `none` before it is created.
 *
 * @category destructors
 * @since 0.1.0
 */
export const status = (state: OrderState): OrderStatus =>
  OrderState.match(state, {
    NotCreated: () => "none" as const,
    Draft: () => "draft" as const,
    Confirmed: () => "confirmed" as const,
    Shipped: () => "shipped" as const,
    Cancelled: () => "cancelled" as const
  })

/**
 * Returns the lines of an order, the latest addition last; empty before it is created.
 *
 * @category destructors
 * @since 0.1.0
 */
export const lines = (state: OrderState): ReadonlyArray<Line> =>
  state._tag === "NotCreated" ? [] : state.lines

/**
 * Returns the price of the order, in minor units of its currency.
 *
 * @category destructors
 * @since 0.1.0
 */
export const total = (state: OrderState): bigint => OrderLines.value(lines(state))

/**
 * Returns the number of items in the order, over all its lines.
 *
 * @category destructors
 * @since 0.1.0
 */
export const itemCount = (state: OrderState): number => OrderLines.quantity(lines(state))
