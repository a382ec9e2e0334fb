import { comparable } from "@daybook/projections/driver/RowQuery"
import type { Column, ColumnType } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"

const column = (type: ColumnType, nullable = false): Column => ({
  field: "value",
  name: "value",
  type,
  nullable
})

describe("a value of a query", () => {
  it("is one that a row may hold in the column", () => {
    const accepted: ReadonlyArray<readonly [ColumnType, Schema.Json]> = [
      ["text", "draft"],
      ["bigint", 9_007_199_254_740_991],
      ["numeric", "-12345678901234567890"],
      ["double precision", 0.5],
      ["boolean", false],
      ["timestamptz", "2026-11-26T15:00:00.000Z"],
      ["uuid", "0f2b6a44-8d7e-4a52-9b39-3e3a1a6f1c11"]
    ]
    for (const [type, value] of accepted) {
      assert.deepStrictEqual(comparable(column(type), value), Result.succeed(value))
    }
    assert.deepStrictEqual(comparable(column("text", true), null), Result.succeed(null))
    const refused: ReadonlyArray<readonly [ColumnType, Schema.Json]> = [
      ["text", null],
      ["text", 1],
      ["text", "a\u0000"],
      ["text", "\ud800"],
      ["bigint", "1"],
      ["bigint", 9_007_199_254_740_992],
      ["numeric", 1],
      ["numeric", "01"],
      ["double precision", Number.POSITIVE_INFINITY],
      ["boolean", "true"],
      ["timestamptz", "2026-11-26"],
      ["uuid", "0F2B6A44-8D7E-4A52-9B39-3E3A1A6F1C11"],
      ["jsonb", {}]
    ]
    for (const [type, value] of refused) {
      assert.isTrue(
        Result.isFailure(comparable(column(type), value)),
        `${type} ${JSON.stringify(value)}`
      )
    }
  })
})
