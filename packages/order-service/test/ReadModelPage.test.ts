import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as CsvImport from "../src/CsvImport.ts"
import * as Day from "../src/Day.ts"
import * as ReadModelPage from "../src/ReadModelPage.ts"
import * as DemoShop from "../src/DemoShop.ts"
import { captured } from "./captured.ts"
import { dirty } from "./files.ts"

const inMemory = DemoShop.layerStore({ _tag: "memory" })

it.layer(NodeServices.layer, { excludeTestServices: true })("ReadModelPage", (it) => {
  it.effect("adds up what an import recorded", () =>
    Effect.gen(function* () {
      yield* CsvImport.run(yield* CsvImport.survey(dirty))
      const { lines, value } = yield* captured(ReadModelPage.tell)
      assert.deepStrictEqual(value.orders, [
        { status: "cancelled", currency: "GBP", orders: 1, units: 3n, totalMinor: 650n },
        { status: "confirmed", currency: "GBP", orders: 5, units: 17n, totalMinor: 3_246n }
      ])
      assert.deepStrictEqual([value.products.unitsAdded, value.products.unitsRemoved], [20n, 0n])
      assert.deepStrictEqual(value.removals, { times: 0, reasons: [] })
      const revenue = value.customers.best.reduce((sum, one) => sum + one.revenueMinor, 0n)
      assert.strictEqual(value.customers.known, 3)
      assert.strictEqual(revenue, 3_246n)
      assert.include(lines, "  confirmed       5     17  GBP 32.46")
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("shows facts of a day that a table of current rows has lost", () =>
    Effect.gen(function* () {
      yield* captured(Day.run)
      const { lines, value } = yield* captured(ReadModelPage.tell)
      assert.deepStrictEqual(value.addresses, {
        orders: 2,
        changes: 3,
        restless: [
          { customerId: "grace", changes: 2 },
          { customerId: "ada", changes: 1 }
        ]
      })
      assert.deepStrictEqual(value.removals, {
        times: 2,
        reasons: [
          { reason: "one arrived cracked", times: 1, units: 1n },
          { reason: "out of stock until spring", times: 1, units: 6n }
        ]
      })
      const [lantern, light] = value.products.wanted
      assert.deepStrictEqual(
        [lantern?.unitsAdded, lantern?.unitsRemoved, lantern?.unitsConfirmed],
        [6n, 1n, 5n]
      )
      assert.deepStrictEqual(
        [light?.unitsAdded, light?.unitsRemoved, light?.unitsConfirmed],
        [6n, 6n, 0n]
      )
      const [ada] = value.customers.best
      assert.deepStrictEqual(
        [ada?.customerId, ada?.orders, ada?.cancelled, ada?.revenueMinor],
        ["ada", 1, 0, 1_780n]
      )
      assert.strictEqual(ada && DateTime.formatIso(ada.lastOrderAt).slice(10, 16), "T08:55")
      assert.include(lines.join("\n"), "found equal row by row before they took over")
      assert.include(lines, "  order_summary               22")
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("is the same when the read models are asked again", () =>
    Effect.gen(function* () {
      yield* captured(Day.run)
      const first = yield* captured(ReadModelPage.tell)
      const second = yield* captured(ReadModelPage.tell)
      assert.deepStrictEqual(second, first)
    }).pipe(Effect.provide(inMemory))
  )
})
