import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Money = Schema.Struct({
  minorUnits: Schema.BigInt,
  currency: Schema.Literals(["EUR", "GBP"])
})

const Shape = Schema.TaggedUnion({
  Dot: {},
  Circle: { radius: Schema.Finite },
  Path: { at: Schema.Array(Schema.Int) }
})

const Row = Schema.Struct({
  id: Schema.String,
  n: Schema.Int,
  text: Schema.NullOr(Schema.String),
  literal: Schema.optionalKey(Schema.Literals(["a", "b"])),
  real: Schema.NullOr(Schema.Finite),
  number: Schema.Number,
  digits: Schema.optionalKey(Schema.BigInt),
  yes: Schema.NullOr(Schema.Boolean),
  at: Schema.NullOr(Schema.DateTimeUtc),
  date: Schema.optionalKey(Schema.Date),
  uuid: Schema.optionalKey(Schema.String.check(Schema.isUUID())),
  json: Schema.Json,
  money: Schema.NullOr(Money),
  shapes: Schema.Array(Shape),
  option: Schema.Option(Schema.Int),
  trimmed: Schema.Trim,
  fromText: Schema.NumberFromString,
  mixed: Schema.Union([Schema.String, Schema.Int, Schema.Null])
})

const projection = Projection.define({
  name: "laws",
  version: 1,
  from: [
    {
      category: Category.make("row"),
      codec: EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Written: {} }) })
    }
  ],
  row: Row,
  primaryKey: ["id", "n"],
  indexes: [["digits"], ["at", "text"]]
}).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })

type Table = ReadModelTable.ReadModelTable<Pick<typeof Row.Type, "id" | "n">, typeof Row.Type>

const table: Table = Result.getOrThrow(ReadModelTable.make(projection))

const isSame = Schema.toEquivalence(Row)

/** Returns true unless a number is -0: JSON has one zero, so -0 does not come back as it was. */
const hasOneZero = (value: unknown): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).every(hasOneZero)
    : !Object.is(value, -0)

/** Passes a stored row through JSON, as it passes on its way to a database. */
const throughJson = (stored: StoredRow) => JSON.parse(JSON.stringify(stored)) as StoredRow

const comesBack = (of: Table, row: typeof Row.Type): boolean => {
  const stored = of.encode(row)
  // A refused row is not lost.
  if (Result.isFailure(stored) || !hasOneZero(row)) return true
  const decoded = of.decode(throughJson(stored.success))
  return Result.isSuccess(decoded) && isSame(decoded.success, row)
}

describe("A table", () => {
  it.prop(
    "gives back every row that it takes",
    { row: Row },
    ({ row }) => {
      assert.isTrue(comesBack(table, row))
    },
    { arbitrary: { runs: 500 } }
  )

  // The others have text or instants that PostgreSQL can't hold.
  it.effect("takes a third of arbitrary rows at least, so that these laws hold of something", () =>
    Effect.gen(function* () {
      const rows = yield* Arbitrary.sampleEffect(Arbitrary.schema(Row), { count: 300, seed: 1 })
      const taken = rows.filter((row) => Result.isSuccess(table.encode(row)))
      assert.isAbove(taken.length, 100)
    })
  )

  it.prop("has of a row the key that it has of the key alone", { row: Row }, ({ row }) => {
    const [stored, key] = [table.encode(row), table.encodeKey(row)]
    if (Result.isFailure(stored) || !hasOneZero(row)) return
    assert.strictEqual(table.keyText(Result.getOrThrow(key)), table.keyText(stored.success))
    const { id, n } = row
    assert.deepStrictEqual(Result.getOrThrow(table.decodeKey(stored.success)), { id, n })
  })

  it.prop("stores every field, and nothing else", { row: Row }, ({ row }) => {
    const stored = table.encode(row)
    if (Result.isFailure(stored)) return
    assert.deepStrictEqual(
      Object.keys(stored.success),
      table.columns.map(({ field }) => field)
    )
    for (const { field, nullable } of table.columns) {
      if (!nullable) assert.isNotNull(stored.success[field])
    }
  })
})

it("a codec that loses something is found", () => {
  const row = {
    id: "a",
    n: 1,
    text: null,
    real: 0.1 + 0.2,
    number: 1,
    yes: null,
    at: null,
    json: null,
    money: null,
    shapes: [],
    option: Option.none(),
    trimmed: "a",
    fromText: 1,
    mixed: null
  } satisfies typeof Row.Type
  assert.isTrue(comesBack(table, row))
  const lossy: Table = {
    ...table,
    encode: (given) =>
      table.encode({ ...given, real: given.real === null ? null : Number(given.real.toFixed(3)) }),
    decode: (stored) => table.decode(stored)
  }
  assert.isFalse(comesBack(lossy, row))
})
