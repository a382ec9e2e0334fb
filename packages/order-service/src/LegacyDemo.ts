/**
 * Imports the table of the shop's first system, and reports the result.
 *
 * @since 0.1.0
 */
import { printable } from "@daybook/kernel/Printable"
import * as Order from "@daybook/order/Order"
import { OrderStatus } from "@daybook/order/OrderState"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as LegacyAudit from "./LegacyAudit.ts"
import * as LegacyHistory from "./LegacyHistory.ts"
import * as LegacyImport from "./LegacyImport.ts"
import { LegacyTable } from "./LegacyTable.ts"
import type { Listed } from "./Listed.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { ReadModelPage } from "./ReadModelPage.ts"
import * as Stores from "./Stores.ts"
import * as DemoShop from "./DemoShop.ts"

/** The number of events in the generated table. */
const EVENTS = 10_000

/** The most findings of a kind that are shown. */
const SHOWN = 3

/**
 * Generates the table unless it exists, imports it, and audits the result.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (store: Stores.Store) {
  yield* tell(store).pipe(Effect.provide(DemoShop.layerLegacy(store)))
})

const tell = Effect.fnUntraced(function* (store: Stores.Store) {
  const style = yield* Output.style
  const heading = (text: string) => Console.log(`\n${style.bold(text)}`)
  const table = yield* LegacyTable
  const generated = yield* table.fill(yield* LegacyHistory.generate(EVENTS))
  const survey = yield* LegacyImport.survey(Order.aggregate, table.rows)
  yield* Console.log(
    `${style.bold("The events of the shop's first system")}, ${generated ? "generated" : "as they were"}: ` +
      `${Output.count(survey.rows, "row")}, ${Output.count(survey.orders.size, "order")}, into ${Stores.describe(store)}`
  )
  const imported = yield* Progress.withBar(survey.rows, (draw) =>
    LegacyImport.run(Order.aggregate, survey, table.rows, draw)
  )
  const { leftOut } = imported
  const audit = yield* LegacyAudit.run(
    table.rows,
    new Set(Array.from(survey.orders).filter((order) => !leftOut.has(order)))
  )

  yield* heading("The same orders, by the old rules and folded from the log")
  yield* Console.log(`  ${Output.number(audit.same)} of ${Output.count(audit.orders, "order")}`)
  yield* findings("Different", audit.different)

  yield* heading("Orders by status")
  const rows = OrderStatus.literals.flatMap((status) => {
    const sum = audit.statuses.get(status)
    return sum === undefined ? [] : [[status, Output.number(sum.old), Output.number(sum.log)]]
  })
  yield* lines([
    [{ title: "status" }, { title: "old summary", ...right }, { title: "log", ...right }],
    rows
  ])

  yield* heading("Where the old rules were wrong; the log keeps what happened")
  yield* findings("Removing took 1 item off the summary, whatever the quantity", audit.miscounted)
  yield* findings("Cancellation never reached the summary", audit.unnoticed)
  yield* findings("Items changed after confirmation", audit.changed)

  if (leftOut.size > 0 || survey.remarks.count > 0) {
    yield* heading("Worth a look")
    const remarks = [...leftOut.values(), ...survey.remarks.first]
    yield* lines([
      [{ title: "row", ...right }, { title: "order" }, { title: "why" }],
      remarks.map(({ id, order, reason }) => [String(id), printable(order), printable(reason)])
    ])
  }
  yield* (yield* ReadModelPage).tell
  yield* Console.log(`\n${style.green(outcome(imported))}`)
})

const right = { align: "right" } as const

const lines = Effect.fnUntraced(function* (table: Parameters<typeof Output.table>) {
  const style = yield* Output.style
  yield* Effect.forEach(Output.table(...table), (line, index) =>
    Console.log(`  ${index === 0 ? style.dim(line) : line}`)
  )
})

const findings = Effect.fnUntraced(function* (
  title: string,
  { count, first }: Listed<LegacyAudit.Finding>
) {
  if (count === 0) return
  yield* Console.log(`  ${title}: ${Output.count(count, "order")}`)
  yield* Effect.forEach(first.slice(0, SHOWN), ({ finding, order }) =>
    Console.log(`    ${printable(order)}  ${printable(finding)}`)
  )
  if (count > SHOWN) yield* Console.log(`    and ${Output.number(count - SHOWN)} more`)
})

const outcome = ({ known, leftOut, recorded }: LegacyImport.Imported): string => {
  const without = leftOut.size === 0 ? "" : `; ${Output.count(leftOut.size, "order")} left out`
  if (recorded === 0) {
    return `Nothing changed: all ${Output.count(known, "event")} of the table were in the log already${without}.`
  }
  const before = known === 0 ? "" : `; ${Output.number(known)} were in the log already`
  return `Recorded ${Output.count(recorded, "event")}${before}${without}.`
}
