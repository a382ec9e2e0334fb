import * as NodeServices from "@effect/platform-node/NodeServices"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as CsvImport from "../src/CsvImport.ts"
import * as LogFigures from "../src/LogFigures.ts"
import { Orders } from "../src/Orders.ts"
import { header, row, write } from "./files.ts"

const Rows = Schema.Array(
  Schema.Struct({
    invoice: Schema.Literals(["1", "2", "3", "C4", "C5"]),
    product: Schema.Literals(["A", "B"]),
    quantity: Schema.Int.check(Schema.isBetween({ minimum: -2, maximum: 3 })),
    pence: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 120 }))
  })
).check(Schema.isMaxLength(40))

/** The rules of the import once more, by sums over rows instead of by orders. */
const expected = (rows: typeof Rows.Type) => {
  const sums = new Map<string, { orders: Set<string>; units: number; total: bigint }>()
  let accepted = 0
  for (const { invoice, pence, quantity } of rows) {
    const credit = invoice.startsWith("C")
    const units = credit ? Math.abs(quantity) : quantity
    if (units <= 0 || pence <= 0) continue
    accepted += 1
    const status = credit ? "cancelled" : "confirmed"
    const sum = sums.get(status) ?? { orders: new Set(), units: 0, total: 0n }
    sum.orders.add(invoice)
    sum.units += units
    sum.total += BigInt(pence) * BigInt(units)
    sums.set(status, sum)
  }
  const all = [...sums].map(([status, { orders, total, units }]) => ({
    status,
    orders: orders.size,
    units,
    total
  }))
  const orders = all.reduce((count, sum) => count + sum.orders, 0)
  return { accepted, orders, events: accepted + 2 * orders, byStatus: byName(all) }
}

const byName = <A extends { readonly status: string }>(sums: ReadonlyArray<A>) =>
  sums.toSorted((a, b) => a.status.localeCompare(b.status))

it.layer(NodeServices.layer)("CsvImport", (it) => {
  it.effect.prop(
    "gives the orders that the rows add up to, in whatever order they stand",
    [Rows],
    ([rows]) =>
      Effect.gen(function* () {
        const lines = rows.map(({ pence, ...cells }) =>
          row({
            ...cells,
            price: `${Math.floor(pence / 100)}.${String(pence % 100).padStart(2, "0")}`
          })
        )
        const survey = yield* CsvImport.survey(yield* write([header, ...lines].join("\n")))
        const imported = yield* CsvImport.run(survey)
        const log = yield* LogFigures.read(survey.orders.keys())
        const found = {
          accepted: survey.rows - imported.refused.count,
          orders: log.orders,
          events: log.events,
          byStatus: byName(
            log.byStatus.map(({ orders, status, total, units }) => ({
              status,
              orders,
              units,
              total
            }))
          )
        }
        assert.deepStrictEqual(found, expected(rows))
        assert.strictEqual(imported.recorded, log.events)
      }).pipe(
        Effect.provide(
          Layer.fresh(
            Orders.layer.pipe(
              Layer.provide(CommandHandler.layer),
              Layer.provide(EventStoreMemory.layer)
            )
          )
        ),
        Effect.scoped
      )
  )
})
