/**
 * Rows of all column types come back as they were stored.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as assert from "../../assert.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Cases, claimOf, put, rowsOf, serve, step, tableOf, take } from "./fixture.ts"

const Uuid = Schema.String.check(Schema.isUUID())

const Nested = Schema.Struct({
  list: Schema.Array(Schema.NullOr(Schema.Finite)),
  text: Schema.optionalKey(Schema.String)
})

const Everything = Schema.Struct({
  id: Schema.String,
  text: Schema.String,
  whole: Schema.Int,
  real: Schema.Finite,
  digits: Schema.BigInt,
  yes: Schema.Boolean,
  at: Schema.DateTimeUtc,
  uuid: Uuid,
  json: Schema.Json,
  nested: Nested,
  maybeText: Schema.NullOr(Schema.String),
  maybeWhole: Schema.NullOr(Schema.Int),
  maybeReal: Schema.NullOr(Schema.Finite),
  maybeDigits: Schema.NullOr(Schema.BigInt),
  maybeYes: Schema.NullOr(Schema.Boolean),
  maybeAt: Schema.optionalKey(Schema.DateTimeUtc),
  maybeUuid: Schema.optionalKey(Uuid),
  maybeNested: Schema.optionalKey(Nested)
})
type Everything = typeof Everything.Type

const plain: Everything = {
  id: "plain",
  text: "",
  whole: 0,
  real: 0,
  digits: 0n,
  yes: false,
  at: DateTime.makeUnsafe(0),
  uuid: "0f9d1c7e-3b5a-4c2d-8e1f-000000000000",
  json: {},
  nested: { list: [] },
  maybeText: null,
  maybeWhole: null,
  maybeReal: null,
  maybeDigits: null,
  maybeYes: null
}

const instant = (text: string) => DateTime.makeUnsafe(text)

/** The edge cases by their descriptions. */
const edges: Readonly<Record<string, Partial<Everything>>> = {
  "nothing where nothing may be": {},
  "something everywhere": {
    maybeText: "",
    maybeWhole: 1,
    maybeReal: 1.5,
    maybeDigits: 1n,
    maybeYes: true,
    maybeAt: instant("2024-02-29T12:00:00Z"),
    maybeUuid: "0f9d1c7e-3b5a-4c2d-8e1f-ffffffffffff",
    maybeNested: { list: [], text: "" }
  },
  "the largest whole number that is exact": { whole: 2 ** 53 - 1 },
  "the smallest": { whole: -(2 ** 53 - 1), maybeWhole: -1 },
  "numbers that take all 17 digits": { real: 0.1 + 0.2, maybeReal: -1 / 3 },
  "the largest number": { real: Number.MAX_VALUE, maybeReal: -Number.MAX_VALUE },
  "the smallest number": { real: Number.MIN_VALUE, maybeReal: 2.225_073_858_507_201_4e-308 },
  "whole numbers where others may be": { real: 2 ** 60, maybeReal: 1e21 },
  "a hundred digits": { digits: 10n ** 99n + 7n, maybeDigits: -(10n ** 99n) - 7n },
  "ten thousand digits": { digits: 10n ** 9_999n + 1n },
  "a number between 2^63 and 2^64": { digits: 2n ** 63n + 1n },
  "the first instant of year 1": { at: instant("0001-01-01T00:00:00.000Z") },
  "an instant far away to the millisecond": { at: instant("7648-06-09T03:58:30.737Z") },
  "the last instant of year 9999": { at: instant("9999-12-31T23:59:59.999Z") },
  "the first instant of year 10000": { at: instant("+010000-01-01T00:00:00.000Z") },
  "the last instant of all": { at: instant("+275760-09-13T00:00:00.000Z") },
  "the last instant of 1 BC": { at: instant("0000-12-31T23:59:59.999Z") },
  "a leap day of 5 BC": { at: instant("-000004-02-29T12:00:00.001Z") },
  "the first instant that PostgreSQL has": { at: instant("-004713-11-24T00:00:00.000Z") },
  "a leap day to the millisecond": { at: instant("2024-02-29T23:59:59.999Z") },
  "before 1970 to the millisecond": { at: instant("1969-12-31T23:59:59.001Z") },
  "spaces alone": { text: "  \t\n\r " },
  "quotes and backslashes": { text: `'"\\ \\x41 $1 {NULL} ,` },
  "what looks like null": { text: "null", maybeText: "NULL" },
  "text beyond the first plane": {
    text: "\u{1F9FE}\u{10FFFF}\uFFFF\uE000é",
    maybeText: "\u0001\u007F"
  },
  "text in two forms of Unicode": { text: "e\u0301", maybeText: "é" },
  "a megabyte of text": { text: "0123456789abcdef".repeat(65_536) },
  "JSON null": { json: null },
  "JSON of one scalar": { json: "text" },
  "JSON numbers": { json: [0, -1, 1.5, 1e308, 5e-324, 2 ** 53, 0.1 + 0.2, 1e21] },
  "JSON in JSON": {
    json: { a: [{ b: [[[{}]]] }], "": { "": null }, "\u{1F9FE}": "\u{1F9FE}\\u0000" }
  },
  "keys that mean something elsewhere": {
    json: JSON.parse(
      '{"__proto__":{"a":1},"constructor":1,"toString":null,"length":2}'
    ) as Schema.Json
  },
  "an array with null and absence in it": { nested: { list: [null, 1, null] } }
}

const everythings = () => tableOf(Everything, ["id"], { indexes: [["whole"], ["at", "uuid"]] })

/**
 * Stores rows in one step, and reads them both ways. Compares them in the stored form, which is the
 * same in all stores.
 */
const comesBack = Effect.fnUntraced(function* <Key extends object, Row extends object>(
  table: ReadModelTable.ReadModelTable<Key, Row>,
  rows: ReadonlyArray<Row>
) {
  const store = yield* ReadModelStore
  const stored = rows.map((row) => Result.getOrThrow(table.encode(row)))
  const anyTable: ReadModelTable.Any = table
  const claim = yield* serve(anyTable, stored)
  const found = new Map<string, StoredRow>()
  yield* take(
    store,
    anyTable,
    claim,
    step(1, 2, {
      keys: stored.map((row) =>
        Object.fromEntries(table.primaryKey.map(({ field }) => [field, row[field] ?? null]))
      ),
      fold: (loaded) => {
        for (const [key, row] of loaded) found.set(key, row)
        // Writes the rows back as they were loaded.
        return Result.succeed({ upserts: Array.from(loaded.values()), deletions: [] })
      }
    })
  )
  const read = new Map((yield* rowsOf(anyTable)).map((row) => [table.keyText(row), row]))
  for (const [index, row] of stored.entries()) {
    const key = table.keyText(row)
    assert.deepStrictEqual(found.get(key), row, "loaded by a step")
    assert.deepStrictEqual(read.get(key), row, "read by a query")
    assert.deepStrictEqual(yield* store.get(anyTable, row), Option.some(row), "read by its key")
    const decoded = Result.getOrThrow(table.decode(read.get(key) ?? {}))
    assert.deepStrictEqual(table.encode(decoded), Result.succeed(row))
    assert.deepStrictEqual(
      Object.keys(decoded).toSorted(),
      Object.keys(rows[index] ?? {}).toSorted()
    )
  }
  assert.strictEqual(read.size, rows.length)
})

const keyed = Schema.Struct({
  text: Schema.String,
  whole: Schema.Int,
  digits: Schema.BigInt,
  yes: Schema.Boolean,
  at: Schema.DateTimeUtc,
  uuid: Uuid
})

export const rowCases: Cases = {
  "are read back unchanged, of every type and at its limits": Effect.gen(function* () {
    const rows = Object.entries(edges).map(([id, fields]) => ({ ...plain, id, ...fields }))
    yield* comesBack(everythings(), rows)
  }),

  "are read back unchanged, whatever they contain": Effect.gen(function* () {
    const some = Arbitrary.array(Arbitrary.schema(Everything), { minLength: 1, maxLength: 8 })
    for (const rows of yield* Arbitrary.sampleEffect(some, { count: 12 })) {
      const table = everythings()
      // Filters out text that stores can't hold: the encoding refuses it.
      const kept = rows.flatMap((row, n) => {
        const own = { ...row, id: `${n} ${row.id}` }
        return Result.isSuccess(table.encode(own)) ? [own] : []
      })
      yield* comesBack(table, kept)
    }
  }),

  "are distinguished by all fields of their key, of every type": Effect.gen(function* () {
    const one: typeof keyed.Type = {
      text: "a",
      whole: 1,
      digits: 10n ** 40n,
      yes: true,
      at: instant("2024-02-29T12:00:00.001Z"),
      uuid: plain.uuid
    }
    const other: typeof keyed.Type = {
      text: "a ",
      whole: -1,
      digits: 10n ** 40n + 1n,
      yes: false,
      at: instant("2024-02-29T12:00:00.002Z"),
      uuid: "0f9d1c7e-3b5a-4c2d-8e1f-000000000001"
    }
    const rows = [
      one,
      ...(["text", "whole", "digits", "yes", "at", "uuid"] as const).map((field) => ({
        ...one,
        [field]: other[field]
      }))
    ]
    const table = tableOf(keyed, ["uuid", "at", "yes", "digits", "whole", "text"])
    yield* comesBack(table, rows)
  }),

  "may have keys and indexed values up to the limit of their table": Effect.gen(function* () {
    // The text does not compress.
    const text = Array.from({ length: 100 }, () => SecureRandom.uuidV4Unsafe() + "|é~").join("")
    const large = Schema.Struct({ id: Schema.String, more: Schema.String, digits: Schema.BigInt })
    const table = tableOf(large, ["id"], { indexes: [["more", "digits"]] })
    const digits = BigInt(`1${"0123456789".repeat(120)}`)
    const rowOf = (length: number, more: number) => ({
      id: text.slice(0, length),
      more: text.slice(text.length - more),
      digits
    })
    const largest = (fits: (length: number) => boolean): number => {
      let length = 0
      while (fits(length + 1)) length++
      return length
    }
    const id = largest((length) => Result.isSuccess(table.encode(rowOf(length, 1))))
    const more = largest((length) => Result.isSuccess(table.encode(rowOf(1, length))))
    yield* comesBack(table, [rowOf(id, 1), rowOf(1, more)])
    assert.isAbove(id, 2_000)
    assert.isAbove(more, 1_500)
  }),

  "that consist of their key are stored and deleted": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tableOf(Schema.Struct({ id: Schema.String, n: Schema.Int }), ["id", "n"])
    const rows = [
      { id: "a", n: 1 },
      { id: "a", n: 2 },
      { id: "b", n: 1 }
    ]
    const claim = yield* serve(table, rows)
    yield* take(store, table, claim, put(table, 1, 2, rows))
    assert.deepStrictEqual(yield* rowsOf(table), rows)
    const deletions = rows.slice(0, 1)
    const fold = () => Result.succeed({ upserts: [], deletions })
    yield* take(store, table, claim, step(2, 3, { keys: deletions, fold }))
    assert.deepStrictEqual(yield* rowsOf(table), rows.slice(1))
  }),

  "may have fields that are named like keywords of SQL": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const row = { select: "a", user: "b", order: 1, position: 2, camelCase: true, n2: null }
    const schema = Schema.Struct({
      select: Schema.String,
      user: Schema.String,
      order: Schema.Int,
      position: Schema.Int,
      camelCase: Schema.Boolean,
      n2: Schema.NullOr(Schema.Int)
    })
    const table = tableOf(schema, ["select", "order"], { indexes: [["user", "position"]] })
    const { serving } = yield* store.open(table)
    yield* take(store, table, yield* claimOf(serving), put(table, 0, 1, [row]))
    const where = [{ field: "user", is: "equal", values: ["b"] }] as const
    const orderBy = [{ field: "position", direction: "desc" }] as const
    assert.deepStrictEqual(yield* rowsOf(table, { where, orderBy }), [row])
    assert.deepStrictEqual(yield* store.get(table, row), Option.some(row))
  })
}
