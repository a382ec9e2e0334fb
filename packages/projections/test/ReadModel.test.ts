import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { assert, it, layer } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { take } from "./taking.ts"

const Row = Schema.Struct({
  shop: Schema.String,
  number: Schema.Int,
  total: Schema.BigInt,
  status: Schema.Literals(["draft", "shipped"]),
  openedAt: Schema.DateTimeUtc,
  note: Schema.NullOr(Schema.String),
  shippedAt: Schema.optionalKey(Schema.DateTimeUtc),
  lines: Schema.Array(Schema.String)
})
type Row = typeof Row.Type

const source = {
  category: Category.make("row"),
  codec: EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Written: {} }) })
}

const orders = Projection.define({
  name: "orders",
  version: 1,
  from: [source],
  row: Row,
  primaryKey: ["shop", "number"],
  indexes: [["total"], ["status", "openedAt"]]
}).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })

const day = (n: number) => DateTime.makeUnsafe(Date.UTC(2024, 0, n))

const order = (number: number, fields: Partial<Row> = {}): Row => ({
  shop: "a",
  number,
  total: BigInt(number) * 100n,
  status: "draft",
  openedAt: day(number),
  note: null,
  lines: [],
  ...fields
})

const rows = [
  order(1, { note: "late", lines: ["mug"] }),
  order(2, { total: 10n ** 30n, status: "shipped", shippedAt: day(9) }),
  order(3, { note: "", status: "shipped", shippedAt: day(8) }),
  order(4, { note: "late" }),
  order(1, { shop: "b", total: -5n })
]

const filled = Effect.gen(function* () {
  const store = yield* ReadModelStoreMemory.make
  const table: ReadModelTable.Any = Result.getOrThrow(ReadModelTable.make(orders))
  const { serving } = yield* store.open(table)
  const claim = Option.getOrThrow(yield* store.claim(serving, "a host", Duration.minutes(1)))
  const upserts = rows.map((row) => Result.getOrThrow(table.encode(row)))
  yield* take(store, table, claim, {
    partition: 0,
    from: Position.start,
    to: Position.make(1n),
    event: null,
    keys: [],
    fold: () => Result.succeed({ upserts, deletions: [] }),
    events: 1,
    eventsPerSecond: 0
  })
  return store
})

/** Returns the rows of a query, by shop and number. */
const found = (query: ReadModel.Query<Row>) =>
  Effect.map(Stream.runCollect(ReadModel.query(orders, query)), (all) =>
    all.map(({ number, shop }) => `${shop}${number}`).join(" ")
  )

/** Returns the refusal of a query that the types would not allow. */
const refused = (query: unknown) =>
  Effect.map(Effect.flip(found(query as ReadModel.Query<Row>)), (error) => {
    assert.instanceOf(error, ReadModel.InvalidQuery)
    return `${error.field}: ${error.issue}`
  })

layer(Layer.effect(ReadModelStore, filled))("A read model", (it) => {
  it.effect("gives the row of a key, with the values of its schema", () =>
    Effect.gen(function* () {
      for (const row of rows) {
        const got = yield* ReadModel.get(orders, row)
        assert.isTrue(Schema.toEquivalence(Row)(Option.getOrThrow(got), row))
      }
      const { shippedAt: _, ...withoutShipping } = Option.getOrThrow(
        yield* ReadModel.get(orders, { shop: "a", number: 1 })
      )
      assert.deepStrictEqual(Object.keys(withoutShipping).length, 7)
      assert.isFalse("shippedAt" in Option.getOrThrow(yield* ReadModel.get(orders, order(1))))
      assert.deepStrictEqual(yield* ReadModel.get(orders, order(9)), Option.none())
    })
  )

  it.effect("gives all rows in the order of their keys unless asked otherwise", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* found({}), "a1 a2 a3 a4 b1")
      assert.strictEqual(yield* found({ orderBy: ["total"] }), "b1 a1 a3 a4 a2")
      assert.strictEqual(yield* found({ orderBy: [{ descending: "total" }] }), "a2 a4 a3 a1 b1")
      assert.strictEqual(
        yield* found({ orderBy: [{ descending: "status" }, "openedAt"] }),
        "a2 a3 a1 b1 a4"
      )
    })
  )

  it.effect("gives the rows that meet every filter", () =>
    Effect.gen(function* () {
      for (const [where, expected] of [
        [{ number: { equal: 1 } }, "a1 b1"],
        [{ number: { not: 1 } }, "a2 a3 a4"],
        [{ number: { oneOf: [1, 4] } }, "a1 a4 b1"],
        [{ number: { oneOf: [] } }, ""],
        [{ number: { above: 1, below: 4 } }, "a2 a3"],
        [{ number: { atLeast: 2, atMost: 3 } }, "a2 a3"],
        [{ total: { atLeast: 10n ** 30n } }, "a2"],
        [{ total: { below: 0n } }, "b1"],
        [{ status: { equal: "shipped" }, openedAt: { above: day(2) } }, "a3"],
        [{ openedAt: { equal: day(2) } }, "a2"],
        [{ note: { equal: null } }, "a2 b1"],
        [{ note: { not: null } }, "a1 a3 a4"],
        [{ note: { not: "late" } }, "a2 a3 b1"],
        [{ note: { oneOf: ["", null] } }, "a2 a3 b1"],
        [{ note: { below: "z" } }, "a1 a3 a4"],
        [{ shippedAt: { equal: undefined } }, "a1 a4 b1"],
        [{ shippedAt: { atLeast: day(9) } }, "a2"],
        [{ shop: {} }, "a1 a2 a3 a4 b1"],
        [{ shop: undefined }, "a1 a2 a3 a4 b1"]
      ] as ReadonlyArray<readonly [ReadModel.Query<Row>["where"] & object, string]>) {
        assert.strictEqual(yield* found({ where }), expected, JSON.stringify(Object.keys(where)))
      }
    })
  )

  it.effect("is read page by page, each after the last row of the page before", () =>
    Effect.gen(function* () {
      const page = { orderBy: [{ descending: "total" }], limit: 2 } as const
      assert.strictEqual(yield* found(page), "a2 a4")
      assert.strictEqual(yield* found({ ...page, after: order(4) }), "a3 a1")
      assert.strictEqual(yield* found({ ...page, after: order(1, { note: "of old" }) }), "b1")
      assert.strictEqual(yield* found({ ...page, after: order(1, { shop: "b", total: -5n }) }), "")
      assert.strictEqual(yield* found({ limit: 0 }), "")
    })
  )

  it.effect("is continued after the fields of its order and its primary key", () =>
    Effect.gen(function* () {
      const page = { orderBy: [{ descending: "total" }], limit: 2 } as const
      const after = (number: number, total: bigint) => ({
        ...page,
        afterFields: { shop: "a", number, total }
      })
      assert.strictEqual(yield* found(after(4, 400n)), "a3 a1")
      assert.strictEqual(yield* found(after(1, 100n)), "b1")
      assert.match(
        yield* refused({ ...page, afterFields: { shop: "a", number: 1 } }),
        /^afterFields: lacks total/
      )
      assert.match(
        yield* refused({ afterFields: { shop: "a", number: 1.5 } }),
        /^afterFields: has number, which is never 1.5: /
      )
      assert.match(
        yield* refused({ afterFields: { shop: "a", number: 1 }, after: order(1) }),
        /^afterFields: excludes after/
      )
    })
  )

  it.effect("S24: refuses values that no type allows, typed", () =>
    Effect.gen(function* () {
      const odd: ReadonlyArray<unknown> = [
        null,
        Number.NaN,
        -1.5,
        "\u0000",
        "\ud800",
        Symbol("s"),
        2n ** 70n,
        [],
        {},
        { toString: 1, valueOf: 1 },
        Object.create(null),
        () => 1,
        new Date(Number.NaN)
      ]
      for (const value of odd) {
        for (const query of [
          { where: value },
          { where: { number: value } },
          { where: { number: { equal: value } } },
          { where: { number: { oneOf: [1, value] } } },
          { where: { shop: { below: value } } },
          { where: { total: { not: value } } },
          { where: { openedAt: { above: value } } },
          { orderBy: value },
          { orderBy: [value] },
          { orderBy: [{ descending: value }] },
          { limit: value },
          { after: value },
          { afterFields: value }
        ]) {
          const exit = yield* Effect.exit(found(query as never))
          if (Exit.isFailure(exit)) {
            const [failure] = exit.cause.reasons
            assert.strictEqual(failure?._tag, "Fail", `${inspect(query)}: ${inspect(failure)}`)
          }
        }
        const key = yield* Effect.exit(ReadModel.get(orders, value as never))
        if (Exit.isFailure(key)) assert.strictEqual(key.cause.reasons[0]?._tag, "Fail")
      }
    })
  )

  it.effect("refuses what its table can't be asked, in facts", () =>
    Effect.gen(function* () {
      for (const [query, issue] of [
        [{ where: { lines: { equal: [] } } }, /^lines: is JSON/],
        [{ where: { nothing: { equal: 1 } } }, /^nothing: is not a field/],
        [{ where: { number: { like: 1 } } }, /^number: has a filter like; there are equal, not/],
        [{ where: { number: 1 } }, /^number: has a filter that is not an object/],
        [{ where: { number: { equal: "1" } } }, /^number: is never 1: /],
        [{ where: { number: { oneOf: [1, 1.5] } } }, /^number: is never 1.5: /],
        [{ where: { status: { equal: "lost" } } }, /^status: is never lost: /],
        [{ where: { number: { equal: null } } }, /^number: is never null: /],
        [{ where: { shop: { equal: "a\u0000" } } }, /U\+0000/],
        [{ where: { openedAt: { below: DateTime.makeUnsafe(-1e15) } } }, /4713 BC to 275760/],
        [{ orderBy: ["lines"] }, /^lines: is JSON/],
        [{ orderBy: ["note"] }, /^note: may be null/],
        [{ orderBy: [{ descending: "shippedAt" }] }, /^shippedAt: may be null/],
        [{ orderBy: ["nothing"] }, /^nothing: is not a field/],
        [{ limit: -1 }, /^limit: is -1/],
        [{ limit: 1.5 }, /^limit: is 1.5/],
        [{ limit: Number.NaN }, /^limit: is NaN/],
        [{ after: { shop: "a" } }, /^after: /]
      ] as const) {
        assert.match(yield* refused(query), issue)
      }
      const key = yield* Effect.flip(ReadModel.get(orders, { shop: "\uD800", number: 1 }))
      assert.instanceOf(key, ReadModel.InvalidQuery)
      assert.strictEqual(key.field, "the key")
    })
  )

  it.effect("reports that its rows are of another version", () =>
    Effect.gen(function* () {
      const next = Projection.define({
        name: "orders",
        version: 2,
        from: [source],
        row: Schema.Struct({ ...Row.fields, note: Schema.Int }),
        primaryKey: ["shop", "number"]
      }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
      for (const read of [
        ReadModel.get(next, { shop: "a", number: 1 }),
        Stream.runCollect(ReadModel.query(next))
      ] as ReadonlyArray<Effect.Effect<unknown, ReadModel.ReadError, ReadModelStore>>) {
        const error = yield* Effect.flip(read)
        assert.instanceOf(error, ReadModel.UnreadableRow)
        assert.match(error.message, /^Cannot read a row of orders as version 2: /)
      }
    })
  )

  it.effect("reports that its projection has no table", () =>
    Effect.gen(function* () {
      const none = { ...orders, primaryKey: ["lines"], keys: () => [], apply: () => undefined }
      const error = yield* Effect.flip(ReadModel.get(none, { shop: "a", number: 1 }))
      assert.instanceOf(error, ReadModelTable.InvalidProjection)
    })
  )
})

it("has queries of the types of its fields", () => {
  const queries: ReadonlyArray<ReadModel.Query<Row>> = [
    { where: { number: { oneOf: [1] }, status: { not: "draft" }, shippedAt: { below: day(1) } } },
    // @ts-expect-error: it is a number.
    { where: { number: { equal: "1" } } },
    // @ts-expect-error: it has no such status.
    { where: { status: { equal: "lost" } } },
    // @ts-expect-error: nothing is below null.
    { where: { note: { below: null } } },
    // @ts-expect-error: it is JSON.
    { where: { lines: { equal: [] } } },
    // @ts-expect-error: it is JSON.
    { orderBy: ["lines"] },
    // @ts-expect-error: it is not a field.
    { orderBy: ["nothing"] },
    // @ts-expect-error: it is a part of a row.
    { after: { shop: "a", number: 1 } }
  ]
  assert.lengthOf(queries, 8)
})
