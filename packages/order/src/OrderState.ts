/**
 * What an order is after its events: a state for each status, each with what that status knows.
 *
 * Laws, for every state:
 *
 * 1. A product at a unit price has at most one line.
 * 2. The total is the sum over the lines, exactly.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"
import * as OrderLines from "./internal/OrderLines.ts"
import { identifier, sentence, text } from "./internal/Text.ts"
import { Currency, MinorUnits } from "./Money.ts"
import { MAX_ITEM_COUNT, RecordedQuantity } from "./Quantity.ts"

/**
 * How many of a product are ordered at a unit price, which is in the order's currency.
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
export type Line = typeof Line.Type

/**
 * What tells a line from the others of its order.
 *
 * @category types
 * @since 0.1.0
 */
export type LineKey = Pick<Line, "productId" | "unitPriceMinor">

/**
 * Whether two lines are of the same product at the same unit price.
 *
 * @category operations
 * @since 0.1.0
 */
export const sameLine = (a: LineKey, b: LineKey): boolean =>
  a.productId === b.productId && a.unitPriceMinor === b.unitPriceMinor

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

/** The line that was added to last comes last. */
const Lines = Schema.Array(Line).check(oneLinePerKey, countable)
const SomeLines = Schema.NonEmptyArray(Line).check(oneLinePerKey, countable)

const customer = { customerId: identifier, currency: Currency }

/**
 * The states of an order.
 *
 * **Details**
 * `Confirmed` may have no lines: the shop's first system let them be removed after confirmation.
 *
 * @category types
 * @since 0.1.0
 */
export const OrderState = Schema.TaggedUnion({
  NotCreated: {},
  Draft: { ...customer, lines: Lines, address: Schema.optionalKey(Address) },
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
export type OrderState = typeof OrderState.Type

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
 * The status of an order; `none` before it is created.
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
 * The lines of an order, the one that was added to last at the end; none before it is created.
 *
 * @category destructors
 * @since 0.1.0
 */
export const lines = (state: OrderState): ReadonlyArray<Line> =>
  state._tag === "NotCreated" ? [] : state.lines

/**
 * What the order costs, in minor units of its currency.
 *
 * @category destructors
 * @since 0.1.0
 */
export const total = (state: OrderState): bigint => OrderLines.value(lines(state))

/**
 * How many items the order has, over all its lines.
 *
 * @category destructors
 * @since 0.1.0
 */
export const itemCount = (state: OrderState): number => OrderLines.quantity(lines(state))
