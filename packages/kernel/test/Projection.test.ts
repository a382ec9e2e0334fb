import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const source = (category: string) => ({
  category: StreamId.Category.make(category),
  codec: EventCodec.make({
    name: category,
    events: Schema.TaggedUnion({ Sold: { product: Schema.String, items: Schema.Int } })
  })
})

const row = Schema.Struct({ product: Schema.String, items: Schema.Int })

const rows = {
  name: "sales",
  version: 1,
  from: [source("till")],
  row,
  primaryKey: ["product"]
} as const

const recorded: RecordedEvent = {
  id: EventId.make("00000000-0000-4000-8000-000000000001"),
  type: "Sold",
  schemaVersion: 1,
  data: { product: "tea", items: 2 },
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  recordedAt: DateTime.makeUnsafe(0),
  streamId: StreamId.StreamId.make("till-1"),
  revision: Revision.make(1),
  position: Position.make(1n)
}

const makeSales = () =>
  Projection.define(rows).fold({
    keys: ({ product }) => [{ product }],
    initial: ({ product }) => ({ product, items: 10 }),
    apply: (before, { items }) => ({ ...before, items: before.items + items })
  })

describe("A projection", () => {
  it("applies the first event of a key to the initial row, and the next to the row before", () => {
    const sales = makeSales()
    const event = { _tag: "Sold", product: "tea", items: 2 } as const
    const applied = { key: { product: "tea" }, recorded }
    const first = sales.apply(undefined, event, applied)
    assert.deepStrictEqual(first, { product: "tea", items: 12 })
    assert.deepStrictEqual(sales.apply(first, event, applied), { product: "tea", items: 14 })
    assert.deepStrictEqual(sales.keys(event, recorded), [{ product: "tea" }])
  })

  it("is what it was defined as", () => {
    const sales = makeSales()
    assert.deepInclude(sales, {
      name: Projection.Name.make("sales"),
      version: Projection.Version.make(1),
      row,
      primaryKey: ["product"],
      indexes: []
    })
    assert.strictEqual(sales.from[0], rows.from[0])
    assert.notProperty(sales, "streams")
  })

  it("has the indexes and the streams that it is given", () => {
    const till = [StreamId.StreamId.make("till-1")]
    const other = Projection.define({ ...rows, indexes: [["items"]] }).fold({
      keys: () => [],
      streams: () => till,
      initial: () => undefined,
      apply: (before) => before
    })
    assert.deepStrictEqual(other.indexes, [["items"]])
    assert.strictEqual(other.streams?.({ product: "tea" }), till)
  })

  it("has the text of the functions by which rows are folded", () => {
    const fold = {
      keys: () => [],
      streams: () => [],
      initial: () => undefined,
      apply: (before: typeof row.Type | undefined) => before
    }
    const { code } = Projection.define(rows).fold(fold)
    assert.strictEqual(code, `${String(fold.keys)}\n${String(fold.initial)}\n${String(fold.apply)}`)
  })

  it("reads a category once", () => {
    const twice = { ...rows, from: [source("till"), source("shop"), source("till")] }
    assert.throws(() => Projection.define(twice), "sales reads a category twice: till, shop, till")
    const both = { ...rows, from: [source("till"), source("shop")] }
    assert.doesNotThrow(() => Projection.define(both))
  })

  it("has a name that a table can have", () => {
    const isName = Schema.is(Projection.Name)
    const good = ["a", "sales", "sales_2", "a1_b2_c", "a".repeat(40)]
    const bad = ["", "A", "1a", "_a", "a_", "a__b", "a-b", "a b", "sales\n", " a", "a".repeat(41)]
    assert.deepStrictEqual([...good, ...bad].filter(isName), good)
    assert.throws(() => Projection.define({ ...rows, name: "Sales" }))
    const refused = Schema.decodeUnknownResult(Projection.Name)("Sales")
    assert.include(String(Result.getOrThrow(Result.flip(refused))), "Expected a projection name")
  })

  it("has a version from 1 on that a database can hold", () => {
    const isVersion = Schema.is(Projection.Version)
    const all = [0, 1, 2, 1.5, 2 ** 31 - 1, 2 ** 31]
    assert.deepStrictEqual<ReadonlyArray<number>>(all.filter(isVersion), [1, 2, 2 ** 31 - 1])
  })
})
