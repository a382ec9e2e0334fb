import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { Condition, RowQuery } from "@daybook/projections/driver/RowQuery"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { rowOrder, selectRows } from "../src/driver/RowSelection.ts"

const projection = Projection.define({
  name: "values",
  version: 1,
  from: [
    {
      category: Category.make("row"),
      codec: EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Written: {} }) })
    }
  ],
  row: Schema.Struct({
    id: Schema.Int,
    text: Schema.NullOr(Schema.String),
    digits: Schema.NullOr(Schema.BigInt),
    real: Schema.NullOr(Schema.Finite),
    yes: Schema.NullOr(Schema.Boolean),
    at: Schema.NullOr(Schema.DateTimeUtc),
    uuid: Schema.NullOr(Schema.String.check(Schema.isUUID())),
    json: Schema.NullOr(Schema.Array(Schema.Int))
  }),
  primaryKey: ["id"]
}).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })

const tableOf = (): ReadModelTable.Any => Result.getOrThrow(ReadModelTable.make(projection))

/** Values of each type, in their order; `null` comes after them. */
const ordered: Readonly<Record<string, ReadonlyArray<Schema.Json>>> = {
  text: ["", "A", "B", "a", "\uFFFD", "\u{10000}"],
  digits: ["-10", "-9", "0", "9", "10", "9007199254740993"],
  real: [-1.5, 0, 0.1, 2, 10],
  yes: [false, true],
  uuid: ["00000000-0000-4000-8000-000000000009", "00000000-0000-4000-8000-00000000000a"],
  at: ["0001-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.001Z"]
}

const rowsOf = (field: string): ReadonlyArray<StoredRow> =>
  [...(ordered[field] ?? []), null].map((value, id) => ({ id, [field]: value }))

const query = (options: Partial<RowQuery>): RowQuery => ({
  where: [],
  orderBy: [],
  after: Option.none(),
  limit: Option.none(),
  ...options
})

const idsOf = (rows: ReadonlyArray<StoredRow>) => rows.map(({ id }) => id)

describe("Rows in memory", () => {
  for (const field of Object.keys(ordered)) {
    const rows = rowsOf(field)
    const ids = idsOf(rows)

    it(`are in the order of the values of ${field}, null last, and the other way round`, () => {
      for (const given of [rows, rows.toReversed()]) {
        for (const [direction, expected] of [
          ["asc", ids],
          ["desc", ids.toReversed()]
        ] as const) {
          const sorted = selectRows(tableOf(), given, query({ orderBy: [{ field, direction }] }))
          assert.deepStrictEqual(idsOf(sorted), expected)
        }
      }
    })

    it(`are told apart by every two values of ${field}`, () => {
      const compare = rowOrder(tableOf(), [{ field, direction: "asc" }])
      for (const [n, a] of rows.entries()) {
        for (const [m, b] of rows.entries()) {
          assert.strictEqual(compare({ ...a, id: 0 }, { ...b, id: 0 }), Math.sign(n - m))
        }
      }
    })

    it(`meet conditions on ${field} as their values say, null none but that it is or is not equal`, () => {
      const [first, second] = rows
      const bound = second?.[field] ?? null
      const held = (is: Condition["is"], ...values: ReadonlyArray<Schema.Json>) =>
        idsOf(selectRows(tableOf(), rows, query({ where: [{ field, is, values }] })))
      const after = ids.slice(2, -1)
      const last = ids.slice(-1)
      assert.deepStrictEqual(held("equal", bound), [1])
      assert.deepStrictEqual(held("notEqual", bound), [0, ...after, ...last])
      assert.deepStrictEqual(held("oneOf", bound, first?.[field] ?? null, null), [0, 1, ...last])
      assert.deepStrictEqual(held("oneOf"), [])
      assert.deepStrictEqual(held("below", bound), [0])
      assert.deepStrictEqual(held("atMost", bound), [0, 1])
      assert.deepStrictEqual(held("above", bound), after)
      assert.deepStrictEqual(held("atLeast", bound), [1, ...after])
      assert.deepStrictEqual(held("equal", null), last)
      for (const is of ["below", "atMost", "above", "atLeast"] as const) {
        assert.deepStrictEqual(held(is, null), [])
        assert.deepStrictEqual(held(is), [])
      }
    })
  }

  it("are equal in JSON whose parts are", () => {
    const rows = [
      { id: 0, json: [1, 2] },
      { id: 1, json: [2, 1] },
      { id: 2, json: null }
    ]
    const held = (is: Condition["is"]) =>
      idsOf(
        selectRows(tableOf(), rows, query({ where: [{ field: "json", is, values: [[1, 2]] }] }))
      )
    assert.deepStrictEqual(held("equal"), [0])
    assert.deepStrictEqual(held("notEqual"), [1, 2])
  })

  it("are those after a row, up to a limit", () => {
    const rows = rowsOf("real")
    const orderBy = [{ field: "real", direction: "desc" as const }]
    const found = (options: Partial<RowQuery>) =>
      idsOf(selectRows(tableOf(), rows, query({ orderBy, ...options })))
    assert.deepStrictEqual(found({ after: Option.some({ id: 3, real: 2 }) }), [2, 1, 0])
    assert.deepStrictEqual(
      found({ after: Option.some({ id: 3, real: 2 }), limit: Option.some(2) }),
      [2, 1]
    )
    assert.deepStrictEqual(found({ limit: Option.some(0) }), [])
  })
})
