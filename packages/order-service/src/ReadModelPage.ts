/**
 * Prints the answer of each read model, and the proof that all are right.
 *
 * @since 0.1.0
 */
import { printable } from "@daybook/kernel/Printable"
import * as Money from "@daybook/order/Money"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore } from "@daybook/store/EventStore"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MinimumLogLevel } from "effect/References"
import type { Terminal } from "effect/Terminal"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { type Figures, ReadModelFigures } from "./ReadModelFigures.ts"
import * as ReadModels from "./ReadModels.ts"
import * as ShopTime from "./ShopTime.ts"

/**
 * Tells the read models of a shop, wherever it is.
 *
 * @category services
 * @since 0.1.0
 */
export class ReadModelPage extends Context.Service<
  ReadModelPage,
  { readonly tell: Effect.Effect<void, Error, Terminal> }
>()("@daybook/order-service/ReadModelPage") {
  /**
   * Tells those of this process.
   *
   * @category layers
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    ReadModelPage,
    Effect.map(Effect.context<EventStore | ReadModelStore | ReadModelFigures>(), (services) => ({
      tell: Effect.asVoid(Effect.provide(tell, services))
    }))
  )

  /**
   * Tells those of a served shop.
   *
   * @category layers
   * @since 0.1.0
   */
  static readonly layerServed = Layer.effect(
    ReadModelPage,
    Effect.map(Effect.context<ReadModelFigures>(), (services) => ({
      tell: Effect.provide(tellServed, services)
    }))
  )
}

/**
 * Prints the read models of a served shop, which its operators rebuild.
 */
const tellServed = Effect.gen(function* () {
  const source = yield* ReadModelFigures
  yield* print(yield* source.read, source.how)
  const style = yield* Output.style
  yield* Console.log(
    `\n${style.dim("They are not rebuilt here: POST /read-models/{name}/rebuild does, for an operator.")}`
  )
})

/**
 * Brings the read models up to date, prints them, and rebuilds each from the log, which must return
 * the same rows.
 *
 * @category running
 * @since 0.1.0
 */
export const tell = Effect.gen(function* () {
  const source = yield* ReadModelFigures
  yield* ReadModels.caughtUp
  const figures = yield* source.read
  yield* print(figures, source.how)
  const rebuilt = yield* Effect.forEach(ReadModels.all, ({ name }) =>
    Effect.map(
      Progress.withFraction(name, (draw) => ReadModels.rebuild(name, draw)),
      (events) => ({ name, events })
    )
  )
  const style = yield* Output.style
  yield* Console.log(
    `\n${style.bold("Rebuilt from the log, and found equal row by row before they took over")}`
  )
  yield* lines(
    [{ title: "read model" }, { title: "events folded", ...right }],
    rebuilt.map(({ events, name }) => [name, Output.number(events)])
  )
  return figures
}).pipe(
  Effect.provide(ReadModels.layer),
  // The runner's messages to its operators do not belong on this page.
  Effect.provideService(MinimumLogLevel, "Warn")
)

/** Prints the answer of each read model. */
const print = Effect.fnUntraced(function* (figures: Figures, how: string) {
  const style = yield* Output.style
  const question = (text: string, table: string) =>
    Console.log(`\n${style.bold(text)}  ${style.dim(table)}`)
  const { addresses, customers, orders, products, removals } = figures
  yield* Console.log(`\n${style.dim(`The read models, ${how}.`)}`)

  yield* question("How are the orders?", "order_summary")
  yield* lines(
    [
      { title: "status" },
      { title: "orders", ...right },
      { title: "units", ...right },
      { title: "value", ...right }
    ],
    orders.map((sum) => [
      sum.status,
      Output.number(sum.orders),
      Output.number(sum.units),
      Money.format({ currency: sum.currency, minor: sum.totalMinor })
    ])
  )

  yield* question(
    `Who buys most, of ${Output.count(customers.known, "customer")}?`,
    "customer_orders"
  )
  yield* lines(
    [
      { title: "customer" },
      { title: "orders", ...right },
      { title: "cancelled", ...right },
      { title: "revenue", ...right },
      { title: "last order" }
    ],
    customers.best.map((sum) => [
      printable(sum.customerId),
      Output.number(sum.orders),
      Output.number(sum.cancelled),
      Money.format({ currency: sum.currency, minor: sum.revenueMinor }),
      ShopTime.dateAndTime(sum.lastOrderAt)
    ])
  )

  yield* question(
    `What is wanted most, of ${Output.count(products.known, "product")}?`,
    "product_demand"
  )
  yield* lines(
    [
      { title: "product" },
      { title: "name" },
      { title: "put in", ...right },
      { title: "taken out", ...right },
      { title: "bought", ...right }
    ],
    products.wanted.map((sum) => [
      printable(sum.productId),
      printable(sum.name),
      Output.number(sum.unitsAdded),
      Output.number(sum.unitsRemoved),
      Output.number(sum.unitsConfirmed)
    ])
  )
  yield* Console.log(`  ${demandOfAll(products)}`)

  yield* question("How often does an address change?", "address_changes")
  yield* Console.log(`  ${addressesOfAll(addresses)}`)

  yield* question("Why are things taken out?", "removed_items")
  if (removals.times === 0) yield* Console.log("  nothing was")
  else {
    yield* lines(
      [{ title: "reason" }, { title: "times", ...right }, { title: "units", ...right }],
      removals.reasons.map(({ reason, times, units }) => [
        reason === null ? "not recorded" : printable(reason),
        Output.number(times),
        units === null ? "not recorded" : Output.number(units)
      ])
    )
  }
})

const right = { align: "right" } as const

const lines = Effect.fnUntraced(function* (...table: Parameters<typeof Output.table>) {
  const style = yield* Output.style
  yield* Effect.forEach(Output.table(...table), (line, index) =>
    Console.log(`  ${index === 0 ? style.dim(line) : line}`)
  )
})

const demandOfAll = ({ unitsAdded, unitsRemoved, wholeRemovals }: Figures["products"]): string => {
  const all = `all products: ${Output.number(unitsAdded)} put in, ${Output.number(unitsRemoved)} taken out`
  return wholeRemovals === 0
    ? all
    : `${all}, and ${Output.count(wholeRemovals, "time")} all there was of one, whose number was not recorded`
}

const addressesOfAll = ({ changes, orders, restless }: Figures["addresses"]): string => {
  const all = `${Output.count(changes, "time")}, of ${Output.count(orders, "order")} with an address`
  const most = restless.map(
    ({ changes, customerId }) => `${printable(customerId)} ${Output.number(changes)}`
  )
  return most.length === 0 ? all : `${all}; most by ${most.join(", ")}`
}
