import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { HEADER } from "../src/CsvFile.ts"
import * as OrderRow from "../src/OrderRow.ts"

const good = {
  InvoiceNo: "536365",
  StockCode: "85123A",
  Description: "LANTERN",
  Quantity: "6",
  InvoiceDate: "12/1/2010 8:26",
  UnitPrice: "2.55",
  CustomerID: "17850",
  Country: "United Kingdom"
}

const read = (changed: Partial<typeof good>) => {
  const cells = { ...good, ...changed }
  return OrderRow.fromRecord({ line: 2, cells: HEADER.map((name) => cells[name]) })
}

const reason = (changed: Partial<typeof good>) =>
  Result.match(read(changed), {
    onFailure: (refused) => refused.reason,
    onSuccess: () => "accepted"
  })

const accepted = (changed: Partial<typeof good>) => Result.getOrThrow(read(changed))

describe("OrderRow", () => {
  for (const [text, pence] of [
    ["2.55", 255],
    ["0.1", 10],
    ["5", 500],
    ["0.01", 1],
    ["1.10", 110],
    [" 8.5 ", 850],
    ["90071992547.99", 9_007_199_254_799]
  ] as const) {
    it(`reads a price of ${JSON.stringify(text)}`, () => {
      assert.strictEqual(accepted({ UnitPrice: text, Quantity: "1" }).add.unitPrice.minor, pence)
    })
  }

  for (const [column, text, problem] of [
    ["UnitPrice", "1e3", "is not pounds with at most two decimals"],
    ["UnitPrice", "1.234", "is not pounds with at most two decimals"],
    ["UnitPrice", "£5", "is not pounds with at most two decimals"],
    ["UnitPrice", "1,000.00", "is not pounds with at most two decimals"],
    ["UnitPrice", "NaN", "is not pounds with at most two decimals"],
    ["UnitPrice", "-0.00", "is not above zero"],
    ["UnitPrice", "-3", "is not above zero"],
    ["Quantity", "1.5", "is not a whole number"],
    ["Quantity", "0x10", "is not a whole number"],
    ["Quantity", "-0", "is not above zero"],
    ["Quantity", "1000001", "is above 1,000,000"],
    ["Quantity", "9".repeat(400), "is above 1,000,000"],
    ["InvoiceDate", "13/45/2010 8:26", "is not a time such as 12/31/2010 8:26"],
    ["InvoiceNo", "x".repeat(201), "cannot name an order"],
    ["InvoiceNo", "5\u00005", "cannot name an order"]
  ] as const) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text.replace("\u0000", "\ufffd")
    it(`refuses ${column} ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.strictEqual(reason({ [column]: text }), `${column} "${shown}" ${problem}`)
    })
  }

  for (const column of [
    "InvoiceNo",
    "StockCode",
    "Quantity",
    "InvoiceDate",
    "UnitPrice"
  ] as const) {
    it(`refuses an empty ${column}`, () => {
      assert.strictEqual(reason({ [column]: " " }), `${column} is empty`)
    })
  }

  it("refuses a text that is longer than an order keeps", () => {
    assert.match(
      reason({ Description: "X".repeat(501) }),
      /^Description "X{40}\.\.\." is refused: expected 0 to 500 characters/
    )
  })

  it("trims, reads a guest as no customer, and puts a description on one line", () => {
    const { add, create } = accepted({
      StockCode: " A ",
      Description: "  TWO \r\n LINES ",
      CustomerID: " "
    })
    assert.strictEqual(add.productId, "A")
    assert.strictEqual(add.name, "TWO LINES")
    assert.strictEqual(create.customerId, "guest")
  })

  it("accepts a row without a description", () => {
    assert.strictEqual(accepted({ Description: "" }).add.name, "")
  })

  it("takes the absolute quantity of a credit note, and cancels its order", () => {
    for (const quantity of ["-6", "6"]) {
      const { add, close } = accepted({ InvoiceNo: "C536365", Quantity: quantity })
      assert.strictEqual(add.quantity, 6)
      assert.deepStrictEqual(close, { _tag: "CancelOrder", reason: "credit note" })
    }
    assert.strictEqual(reason({ Quantity: "-6" }), 'Quantity "-6" is not above zero')
  })

  it("S16: reads a description of blanks alone around a break in linear time", () => {
    const blanks = " ".repeat(32_000)
    assert.strictEqual(accepted({ Description: `A${blanks.slice(0, 100)}\n B` }).add.name, "A B")
    assert.match(reason({ Description: `A${blanks}B`.repeat(60) }), /Description/)
  })

  it("gives a command an id by its place and content alone", () => {
    const { add, occurredAt } = accepted({})
    const id = (place: number) => OrderRow.commandId("1", place, add, occurredAt)
    assert.strictEqual(id(1), id(1))
    assert.notStrictEqual(id(1), id(2))
    const other = accepted({ Description: " LANTERN " })
    assert.strictEqual(OrderRow.commandId("1", 1, other.add, other.occurredAt), id(1))
    const dearer = accepted({ UnitPrice: "2.56" })
    assert.notStrictEqual(OrderRow.commandId("1", 1, dearer.add, dearer.occurredAt), id(1))
  })
})
