import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import { MAX_DIFFERENCES } from "@daybook/projections/ReadModelError"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { differences } from "../src/internal/fold/rowDifferences.ts"

const makeTable = (): ReadModelTable.Any => {
  const projection = Projection.define({
    name: "places",
    version: 1,
    from: [
      {
        category: Category.make("row"),
        codec: EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Written: {} }) })
      }
    ],
    row: Schema.Struct({
      aisle: Schema.String,
      place: Schema.Int,
      items: Schema.Array(Schema.Int)
    }),
    primaryKey: ["aisle", "place"]
  }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
  return Result.getOrThrow(ReadModelTable.make(projection))
}

const row = (aisle: string, place: number, ...items: ReadonlyArray<number>): StoredRow => ({
  aisle,
  place,
  items
})

const compare = (serving: ReadonlyArray<StoredRow>, rebuilt: ReadonlyArray<StoredRow>) => {
  const table = makeTable()
  const byKey = (rows: ReadonlyArray<StoredRow>) =>
    new Map(rows.map((one) => [table.keyText(one), one]))
  return differences(table, byKey(serving), byKey(rebuilt))
}

describe("Two sets of rows", () => {
  it("do not differ when each row is as the other is, in whichever order", () => {
    const rows = [row("a", 1, 5, 6), row("b", 1)]
    const others = [row("b", 1), row("a", 1, 5, 6)]
    assert.deepStrictEqual(compare(rows, others), { count: 0, differences: [] })
  })

  it("differ in rows that one lacks and rows with other values, in the order of their keys", () => {
    const serving = [row("b", 2), row("a", 10, 1), row("a", 9, 1)]
    const rebuilt = [row("b", 2), row("a", 10, 2), row("a", 1)]
    assert.deepStrictEqual(compare(serving, rebuilt), {
      count: 3,
      differences: [
        { key: { aisle: "a", place: 1 }, rebuilt: row("a", 1) },
        { key: { aisle: "a", place: 9 }, serving: row("a", 9, 1) },
        {
          key: { aisle: "a", place: 10 },
          serving: row("a", 10, 1),
          rebuilt: row("a", 10, 2)
        }
      ]
    })
  })

  it("are all counted, and listed up to a limit", () => {
    const rows = Array.from({ length: MAX_DIFFERENCES + 5 }, (_, place) => row("a", place))
    const { count, differences } = compare(rows.toReversed(), [])
    assert.strictEqual(count, MAX_DIFFERENCES + 5)
    assert.deepStrictEqual(
      differences.map(({ serving }) => serving),
      rows.slice(0, MAX_DIFFERENCES)
    )
  })
})
