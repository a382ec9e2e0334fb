import * as NodeServices from "@effect/platform-node/NodeServices"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CsvImport from "../src/CsvImport.ts"
import * as ImportReport from "../src/ImportReport.ts"
import * as LogFigures from "../src/LogFigures.ts"
import { Orders } from "../src/Orders.ts"
import { captured } from "./captured.ts"
import { dirty, header, row, write } from "./files.ts"

type Store = EventStore["Service"]

const on = (store: Store) =>
  Layer.provideMerge(
    Layer.provideMerge(Orders.layer, Layer.fresh(CommandHandler.layer)),
    Layer.succeed(EventStore, EventStore.of(store))
  )

const importInto = (store: Store, path: string) =>
  Effect.gen(function* () {
    const survey = yield* CsvImport.survey(path)
    const imported = yield* CsvImport.run(survey)
    const log = yield* LogFigures.read(survey.orders.keys())
    return { survey, imported, log }
  }).pipe(Effect.provide(on(store)))

/** A store whose process dies at its nth append, before or after that one is written. */
const dyingAt = (store: Store, nth: number, written: boolean) => {
  let appends = 0
  const died = new EventStoreError({ operation: "append", cause: "killed" })
  const dying = EventStore.of({
    ...store,
    append: (append) =>
      Effect.suspend(() => {
        appends += 1
        if (appends < nth) return store.append(append)
        return Effect.andThen(written ? store.append(append) : Effect.void, Effect.fail(died))
      })
  })
  return { dying, appends: () => appends }
}

it.layer(NodeServices.layer)("CsvImport", (it) => {
  it.effect("completes a file into which a row was put since an import of it was cut short", () =>
    Effect.gen(function* () {
      const memory = yield* EventStoreMemory.make
      // Two equal rows among them, and more rows than are appended at once.
      const rows = Array.from({ length: 900 }, (_, n) =>
        row({ invoice: "1", product: `p${n % 450}`, quantity: 1 })
      )
      const { dying } = dyingAt(memory, 2, false)
      const file = yield* write([header, ...rows].join("\n"))
      yield* Effect.flip(importInto(dying, file))
      const refusedRow = row({ invoice: "1", product: "none", quantity: 0 })
      const edited = yield* write([header, refusedRow, ...rows].join("\n"))
      const { imported, log } = yield* importInto(memory, edited)
      assert.isAbove(imported.known, 0)
      assert.strictEqual(imported.recorded + imported.known, 902)
      assert.deepStrictEqual(
        log.byStatus.map(({ status, units }) => [status, units]),
        [["confirmed", 900]]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("imports what can be read of a dirty file, and lists the rest", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const { imported, log, survey } = yield* importInto(store, dirty)
      assert.strictEqual(survey.rows, 30)
      assert.strictEqual(imported.recorded, 24)
      assert.deepStrictEqual(
        imported.refused.first.map(({ invoice, line, reason }) => [line, invoice, reason]),
        [
          [7, "1002", 'UnitPrice "0" is not above zero'],
          [8, "1002", 'UnitPrice "1e3" is not pounds with at most two decimals'],
          [9, "1002", 'UnitPrice "1.234" is not pounds with at most two decimals'],
          [10, "1002", 'UnitPrice "£5" is not pounds with at most two decimals'],
          [11, "1002", 'Quantity "1.5" is not a whole number'],
          [12, "1002", 'InvoiceDate "13/45/2010 8:30" is not a time such as 12/31/2010 8:26'],
          [15, undefined, "InvoiceNo is empty"],
          [17, "1003", 'Quantity "-4" is not above zero'],
          [20, "C1004", 'Quantity "0" is not above zero'],
          [21, "1005", 'Quantity "99999999" is above 1,000,000'],
          [22, "1005", 'UnitPrice "99999999999999999999" is above GBP 90,071,992,547,409.91'],
          [
            23,
            "1005",
            "The order would total 9007199254740991000000 minor units, at most 9007199254740991 are allowed"
          ],
          [24, undefined, "it has 4 columns, not 8"],
          [25, undefined, "it has 9 columns, not 8"],
          [26, "1007", "StockCode is empty"],
          [27, "1007", 'UnitPrice "-11062.06" is not above zero'],
          [30, undefined, "InvoiceNo is empty"],
          [31, "1009", 'InvoiceDate "2/29/2010 8:00" is not a time such as 12/31/2010 8:26']
        ]
      )
      assert.strictEqual(imported.refused.count, 18)
      assert.deepStrictEqual(imported.remarks.first, [
        { line: 16, invoice: "1003", reason: "customer 99999 on an order of customer guest" }
      ])
      assert.deepStrictEqual(log.byStatus, [
        { status: "confirmed", currency: "GBP", orders: 5, units: 17, total: 3246n },
        { status: "cancelled", currency: "GBP", orders: 1, units: 3, total: 650n }
      ])
      assert.strictEqual(log.items, 12)
      assert.strictEqual(log.events, 24)
      assert.deepStrictEqual(
        log.largest.map(({ invoice }) => invoice),
        ["1001", "1008", "1003", "C1004", "1009", "1010"]
      )
    })
  )

  it.effect("changes nothing when the same file comes again, and says so", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const first = yield* importInto(store, dirty)
      const again = yield* importInto(store, dirty)
      assert.strictEqual(again.imported.recorded, 0)
      assert.deepStrictEqual(again.log, first.log)
      assert.deepStrictEqual(again.imported.refused, first.imported.refused)
      const { lines } = yield* captured(ImportReport.end(again.imported))
      assert.include(
        lines.join("\n"),
        "Nothing changed: all 24 events of this file were in the log already."
      )
    })
  )

  for (const written of [false, true]) {
    const when = written ? "after" : "before"
    it.effect(`ends with the same figures wherever it dies ${when} an append was written`, () =>
      Effect.gen(function* () {
        const whole = yield* importInto(yield* EventStoreMemory.make, dirty)
        let nth = 1
        for (; ; nth++) {
          const store = yield* EventStoreMemory.make
          const { appends, dying } = dyingAt(store, nth, written)
          const cut = yield* Effect.result(importInto(dying, dirty))
          if (cut._tag === "Success") {
            assert.isBelow(appends(), nth)
            break
          }
          assert.deepStrictEqual((yield* importInto(store, dirty)).log, whole.log)
        }
        assert.isAbove(nth, 5)
      })
    )
  }

  it.effect("imports an invoice of more rows than one append takes", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const rows = Array.from({ length: 1_500 }, (_, index) => row({ product: `P${index % 7}` }))
      const path = yield* write([header, ...rows].join("\n"))
      const { log } = yield* importInto(store, path)
      assert.strictEqual(log.events, 1_502)
      assert.deepStrictEqual(log.byStatus, [
        { status: "confirmed", currency: "GBP", orders: 1, units: 1_500, total: 150_000n }
      ])
    })
  )

  it.effect("appends few times when invoices alternate row by row", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const appends: Array<number> = []
      const counting = EventStore.of({
        ...store,
        append: (append) =>
          Effect.suspend(() => {
            appends.push(append.events.length)
            return store.append(append)
          })
      })
      const invoices = ["1", "2", "3"]
      const rows = Array.from({ length: 1_000 }, (_, n) =>
        invoices.map((invoice) => row({ invoice, product: `P${n}` }))
      ).flat()
      const { log } = yield* importInto(counting, yield* write([header, ...rows].join("\n")))
      assert.deepStrictEqual(log.byStatus, [
        { status: "confirmed", currency: "GBP", orders: 3, units: 3_000, total: 300_000n }
      ])
      // Each invoice: 400 rows and what opens it, 400 rows, 200 rows and what closes it.
      assert.deepStrictEqual(appends, [401, 401, 401, 400, 400, 400, 201, 201, 201])
    })
  )

  it("lets at most 400 rows of an invoice wait, and 20,000 of all", () => {
    const turn = (isComplete: boolean, ofInvoice: number, ofAll: number) =>
      CsvImport.turn({ isComplete, ofInvoice, ofAll })
    assert.strictEqual(turn(false, 399, 19_999), "wait")
    assert.strictEqual(turn(false, 400, 19_999), "invoice")
    assert.strictEqual(turn(false, 1, 20_000), "all")
    // The invoice alone makes room already.
    assert.strictEqual(turn(true, 1, 20_000), "invoice")
  })

  it.effect("refuses rows that come after their order was confirmed, with the order's reason", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      yield* importInto(store, yield* write([header, row({})].join("\n")))
      const longer = yield* write([header, row({}), row({ product: "LATE" })].join("\n"))
      const { imported, log } = yield* importInto(store, longer)
      assert.deepStrictEqual(imported.refused.first, [
        {
          line: 3,
          invoice: "1",
          reason: "AddItem is for an order that is draft; this one is confirmed"
        }
      ])
      assert.strictEqual(imported.recorded, 0)
      assert.strictEqual(log.items, 1)
    })
  )

  it.effect("reports the number of imported rows, up to all of them", () =>
    Effect.gen(function* () {
      const done: Array<number> = []
      const survey = yield* CsvImport.survey(dirty)
      yield* CsvImport.run(survey, (rows) => Effect.sync(() => void done.push(rows))).pipe(
        Effect.provide(on(yield* EventStoreMemory.make))
      )
      assert.deepStrictEqual(
        done,
        done.toSorted((a, b) => a - b)
      )
      assert.strictEqual(done.at(-1), survey.rows)
    })
  )

  it.effect("shows the first refused rows and counts the rest", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const rows = Array.from({ length: 60 }, () => row({ price: "0" }))
      const { imported, log, survey } = yield* importInto(
        store,
        yield* write([header, ...rows].join("\n"))
      )
      assert.strictEqual(log.orders, 0)
      const { lines } = yield* captured(
        Effect.andThen(ImportReport.print(survey, imported, log), ImportReport.end(imported))
      )
      const text = lines.join("\n")
      assert.include(text, "60 rows read, 0 accepted, 60 refused")
      assert.include(text, "and 10 more")
      assert.include(text, "Nothing to record.")
    })
  )
})
