import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Reading from "../src/internal/reading.ts"
import * as RowFilter from "../src/internal/rowFilter.ts"

const summary = Result.getOrThrow(ReadModelTable.make(OrderSummary.projection)).columns
const demand = Result.getOrThrow(ReadModelTable.make(ProductDemand.projection)).columns

describe("a condition on rows", () => {
  it("is a field, a sign and a value of the field's type", () => {
    const parsed = (text: string, columns = summary) =>
      Result.getOrElse(RowFilter.parse(columns, text), (refused) => refused)
    assert.deepStrictEqual(parsed("status:draft"), {
      field: "status",
      is: "equal",
      values: ["draft"]
    })
    assert.deepStrictEqual(parsed("itemCount>=3"), {
      field: "itemCount",
      is: "atLeast",
      values: [3]
    })
    assert.deepStrictEqual(parsed("hasAddress!:true"), {
      field: "hasAddress",
      is: "notEqual",
      values: [true]
    })
    assert.deepStrictEqual(parsed("unitsAdded<007", demand), {
      field: "unitsAdded",
      is: "below",
      values: ["7"]
    })
    assert.deepStrictEqual(parsed("createdAt>2026-11-26T15:00+01:00"), {
      field: "createdAt",
      is: "above",
      values: ["2026-11-26T14:00:00.000Z"]
    })
    assert.deepStrictEqual(parsed("namedAt:null", demand), {
      field: "namedAt",
      is: "equal",
      values: [null]
    })
    assert.deepStrictEqual(parsed('orderId:"null"'), {
      field: "orderId",
      is: "equal",
      values: ["null"]
    })
    assert.deepStrictEqual(parsed("orderId:a:b>c"), {
      field: "orderId",
      is: "equal",
      values: ["a:b>c"]
    })
    assert.deepStrictEqual(parsed("itemCount:+007"), {
      field: "itemCount",
      is: "equal",
      values: [7]
    })
    for (const text of ["status", ":1", "1:1"]) {
      const refused = Result.getOrThrow(Result.flip(RowFilter.parse(summary, text)))
      assert.isUndefined(refused.field, text)
      assert.include(refused.issue, "is not a condition")
    }
  })

  it("names the field that refuses a value, and what the field allows", () => {
    const whole = "a whole number from -9007199254740991 to 9007199254740991"
    const instant = "an instant of the years 4713 BC to 275760, such as 2026-11-26T15:00Z"
    const text = "text of well-formed Unicode without U+0000"
    for (const [condition, field, allowed] of [
      ["itemCount:1.5", "itemCount", whole],
      ["itemCount:", "itemCount", whole],
      ["itemCount:0x10", "itemCount", whole],
      ["itemCount>9007199254740992", "itemCount", whole],
      ["hasAddress:yes", "hasAddress", "true or false"],
      ["updatedAt>soon", "updatedAt", instant],
      ["updatedAt>lantern 4", "updatedAt", instant],
      ["updatedAt>2026-13-01", "updatedAt", instant],
      ["updatedAt>-100000-01-01", "updatedAt", instant],
      ["status:a\u0000b", "status", text],
      ["status:\ud800", "status", text],
      ['status:"\\ud800"', "status", text]
    ] as const) {
      const refused = Result.getOrThrow(Result.flip(RowFilter.parse(summary, condition)))
      assert.strictEqual(refused.field, field, condition)
      assert.include(refused.issue, `it is ${allowed}`, condition)
    }
    const units = Result.getOrThrow(Result.flip(RowFilter.parse(demand, "unitsAdded:1.0")))
    assert.include(units.issue, "it is a whole number")
    const json = Result.getOrThrow(Result.flip(RowFilter.parse(summary, "lines:1")))
    assert.strictEqual(json.field, "lines")
    const unknown = Result.getOrThrow(Result.flip(RowFilter.parse(summary, "x:1")))
    assert.include(unknown.issue, "orderId")
  })
})

describe("the text of a search", () => {
  it("is read as its form says, and written so that it is read alike", () => {
    const first = (q: string) => Reading.parse(q).tried[0]
    assert.deepStrictEqual(first("  "), { by: "all", text: "" })
    assert.deepStrictEqual(first("*ada*"), { by: "part", text: "ada" })
    assert.deepStrictEqual(first("type: OrderShipped"), { by: "type", text: "OrderShipped" })
    assert.deepStrictEqual(first("order-ada@8"), { by: "id", text: "order-ada" })
    assert.deepStrictEqual(first("order-a@b"), { by: "id", text: "order-a@b" })
    assert.deepStrictEqual(first("order-ada@99999999999"), {
      by: "id",
      text: "order-ada@99999999999"
    })
    assert.strictEqual(first("0F2B6A44-8d7e-4a52-9b39-3e3a1a6f1c11").by, "event")
    for (const q of ["ada", "*ada*", "type:x", "prefix:order-", "category:order", "event:1", ""]) {
      for (const reading of Reading.parse(q).tried) {
        assert.deepStrictEqual(Reading.parse(Reading.textOf(reading)).tried[0], reading)
      }
    }
  })
})
