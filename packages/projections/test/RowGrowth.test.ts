import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { bytesOf } from "../src/internal/fold/rowSize.ts"

/** A text whose stored form repeats it ten times. */
const Tenfold = Schema.String.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (text) => text.slice(0, text.length / 10),
      encode: (text) => text.repeat(10)
    })
  )
)

/** An instant that is stored as one a day later. */
const Later = Schema.String.pipe(
  Schema.decodeTo(
    Schema.DateTimeUtc,
    SchemaTransformation.transform({
      decode: (text) => DateTime.subtract(DateTime.makeUnsafe(text), { days: 1 }),
      encode: (instant) => DateTime.formatIso(DateTime.add(instant, { days: 1 }))
    })
  )
)

const Row = Schema.Struct({
  id: Schema.String,
  text: Schema.NullOr(Schema.String),
  tenfold: Tenfold,
  count: Schema.Int,
  total: Schema.BigInt,
  at: Schema.DateTimeUtc,
  date: Schema.NullOr(Schema.Date),
  later: Later,
  numbers: Schema.Array(Schema.Finite),
  list: Schema.Array(Schema.Struct({ at: Schema.DateTimeUtc, text: Tenfold })),
  tags: Schema.Record(Schema.String, Schema.String)
})
type Row = typeof Row.Type

const table = Result.getOrThrow(
  ReadModelTable.make(
    Projection.define({
      name: "grown",
      version: 1,
      from: [
        {
          category: StreamId.Category.make("grown"),
          codec: EventCodec.make({ name: "grown", events: Schema.TaggedUnion({ Grown: {} }) })
        }
      ],
      row: Row,
      primaryKey: ["id"],
      indexes: [["text", "count"]]
    }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
  )
)

const at = DateTime.makeUnsafe(0)
const empty: Row = {
  id: "1",
  text: null,
  tenfold: "",
  count: 1,
  total: 0n,
  at,
  date: null,
  later: at,
  numbers: [],
  list: [],
  tags: {}
}

/** Returns the size of a row as PostgreSQL sends it. */
const sizeOf = (row: Row): number => bytesOf(table.columns, Result.getOrThrow(table.encode(row)))

describe("The growth of a row", () => {
  const changes: ReadonlyArray<readonly [of: string, change: Partial<Row>]> = [
    ["a text", { text: "\u{1F9FE}\u20ac".repeat(50) }],
    ["a text that is stored as another one", { tenfold: "x".repeat(1_000) }],
    ["digits", { total: -(10n ** 5_000n) }],
    ["an instant and a count", { at: DateTime.makeUnsafe(1), count: 2 ** 53 - 1 }],
    ["a date", { date: new Date(8_640_000_000_000_000) }],
    ["a sum", { total: -(10n ** 19n) + 1n }],
    ["numbers", { numbers: [1e-300, 1e300, -1e-7, -1.2345678901234567e-6, 123456789012345680000] }],
    ["elements", { list: Array.from({ length: 100 }, () => ({ at, text: "y\n" })) }],
    ["keys", { tags: { "\u0001\u0002": "\u0003\u2028" } }]
  ]
  for (const [of, change] of changes) {
    it(`is as much as ${of} at least, of a row and from one to the next`, () => {
      const row = { ...empty, ...change }
      assert.isAtLeast(table.growth(row), sizeOf(row))
      assert.isAtLeast(table.growth(row, empty), sizeOf(row) - sizeOf(empty))
      assert.isBelow(table.growth(row, empty), 20 * sizeOf(row))
      assert.strictEqual(table.growth(row, row), 0)
    })
  }

  it("is that of the new elements of a list", () => {
    const list = Array.from({ length: 10_000 }, () => ({ at, text: "z" }))
    const before = { ...empty, list }
    const one = table.growth({ ...empty, list: [{ at, text: "z" }] }, empty)
    assert.isBelow(one, 300)
    assert.strictEqual(table.growth({ ...empty, list: [...list, { at, text: "z" }] }, before), one)
  })

  it("counts an element of a list as often as it is there", () => {
    const one = { at, text: "z".repeat(100) }
    const [once, thrice] = [
      { ...empty, list: [one] },
      { ...empty, list: [one, one, one] }
    ]
    assert.isAtLeast(table.growth(thrice, once), sizeOf(thrice) - sizeOf(once))
  })

  const unknown: ReadonlyArray<readonly [of: string, change: Partial<Row>]> = [
    ["text with U+0000", { text: "a\u0000" }],
    ["a lone surrogate in an element", { list: [{ at, text: "\ud800" }] }],
    ["a key with U+0000", { tags: { "\u0000": "" } }],
    ["an instant before those of PostgreSQL", { at: DateTime.makeUnsafe(-8_000_000_000_000_000) }],
    ["a date before those of PostgreSQL", { date: new Date(-8_000_000_000_000_000) }],
    ["no date", { date: new Date(Number.NaN) }],
    ["an instant that is stored as none", { later: DateTime.makeUnsafe(8_640_000_000_000_000) }],
    ["more digits than a numeric has", { total: 10n ** 140_000n }],
    ["a text too large for its index", { text: "x".repeat(2_700) }]
  ]
  for (const [of, change] of unknown) {
    it(`is unknown with ${of}, which no store keeps`, () => {
      const row = { ...empty, ...change }
      assert.isTrue(Result.isFailure(table.encode(row)))
      assert.strictEqual(table.growth(row, empty), Number.POSITIVE_INFINITY)
    })
  }
})
