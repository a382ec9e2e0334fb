/**
 * Reports the import of a file of orders to a person.
 *
 * @since 0.1.0
 */
import { printable } from "@daybook/kernel/Printable"
import * as Money from "@daybook/order/Money"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Imported, Survey } from "./CsvImport.ts"
import type { Listed } from "./Listed.ts"
import type { LogFigures } from "./LogFigures.ts"
import type { RefusedRow } from "./OrderRow.ts"
import * as Output from "./Output.ts"
import * as ShopTime from "./ShopTime.ts"

/**
 * Prints the report.
 *
 * @category operations
 * @since 0.1.0
 */
export const print = Effect.fnUntraced(function* (
  survey: Survey,
  imported: Imported,
  log: LogFigures
) {
  const style = yield* Output.style
  const heading = (text: string) => Console.log(`\n${style.bold(text)}`)
  const table = (
    columns: ReadonlyArray<Output.Column>,
    rows: ReadonlyArray<ReadonlyArray<string>>
  ) =>
    Effect.forEach(Output.table(columns, rows), (line, index) =>
      Console.log(`  ${index === 0 ? style.dim(line) : line}`)
    )

  const { count: refused } = imported.refused
  const parts = [
    `${Output.count(survey.rows, "row")} read`,
    `${Output.number(survey.rows - refused)} accepted`,
    `${Output.number(refused)} refused`
  ]
  yield* Console.log(`\n${parts.join(", ")}`)

  yield* heading(
    `${Output.count(log.orders, "order")} in ${Output.count(log.events, "event")}, read back from the log`
  )
  const [right, left] = [{ align: "right" }, { align: "left" }] as const
  yield* table(
    [
      { title: "status", ...left },
      { title: "orders", ...right },
      { title: "units", ...right },
      { title: "value", ...right }
    ],
    log.byStatus.map((sum) => [
      sum.status,
      Output.number(sum.orders),
      Output.number(sum.units),
      Money.format({ currency: sum.currency, minor: sum.total })
    ])
  )

  if (log.largest.length > 0) {
    yield* heading(
      `The ${log.largest.length === 1 ? "largest order" : `${log.largest.length} largest orders`}`
    )
    yield* table(
      [
        { title: "order" },
        { title: "customer" },
        { title: "at" },
        { title: "status" },
        { title: "lines", ...right },
        { title: "units", ...right },
        { title: "value", ...right }
      ],
      log.largest.map((order) => [
        printable(order.invoice),
        printable(order.customerId),
        ShopTime.dateAndTime(order.lastAt),
        order.status,
        Output.number(order.lines),
        Output.number(order.units),
        Money.format({ currency: order.currency, minor: order.total })
      ])
    )
  }
  const list = ({ count, first }: Listed<RefusedRow>, title: string) =>
    Effect.gen(function* () {
      if (count === 0) return
      yield* heading(title)
      yield* table(
        [{ title: "line", ...right }, { title: "order" }, { title: "why" }],
        first.map(({ invoice, line, reason }) => [
          String(line),
          printable(invoice ?? "-"),
          printable(reason)
        ])
      )
      if (count > first.length)
        yield* Console.log(`  and ${Output.number(count - first.length)} more`)
    })
  yield* list(imported.refused, `Refused: ${Output.count(imported.refused.count, "row")}`)
  yield* list(imported.remarks, "Worth a look")
})

/**
 * Prints the result of this run in one line.
 *
 * @category operations
 * @since 0.1.0
 */
export const end = Effect.fnUntraced(function* (imported: Imported) {
  const style = yield* Output.style
  yield* Console.log(`\n${style.green(outcome(imported))}`)
})

const outcome = ({ known, recorded }: Imported): string => {
  if (recorded + known === 0) return "Nothing to record."
  if (recorded === 0) {
    return `Nothing changed: all ${Output.count(known, "event")} of this file were in the log already.`
  }
  const before = known === 0 ? "" : `; ${Output.number(known)} were in the log already`
  return `Recorded ${Output.count(recorded, "event")}${before}.`
}
