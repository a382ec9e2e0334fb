/**
 * Reading rows: conditions, orders, pages.
 */
import { OtherVersionServes } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { Condition, RowQuery } from "@daybook/projections/driver/RowQuery"
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as assert from "../../assert.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  all,
  type Cases,
  countUp,
  factsOf,
  put,
  rowsOf,
  serve,
  shadow,
  step,
  tableOf,
  take,
  tallies,
  talliesAgain,
  tally
} from "./fixture.ts"

/**
 * Texts in the order of their UTF-8 bytes, which differs from that of UTF-16 and of dictionaries.
 */
const TEXTS = [
  "",
  " ",
  "A",
  "Z",
  "a",
  "a b",
  "ab",
  "z",
  "é",
  "\uE000",
  "\uFFFD",
  "\u{1F9FE}",
  "\u{1F9FF}"
] as const
const WHOLES = [-(2 ** 53) + 1, -10, -9, 0, 1, 9, 10, 2 ** 53 - 1] as const
const REALS = [-1e300, -1.5, 0, 5e-324, 0.1, 0.3, 1e300] as const
const DIGITS = ["-100000000000000000000", "-9", "0", "9", "10", "100000000000000000000"] as const
const INSTANTS = [
  "-004713-11-24T00:00:00.000Z",
  "0000-12-31T23:59:59.999Z",
  "0001-01-01T00:00:00.000Z",
  "1969-12-31T23:59:59.999Z",
  "1970-01-01T00:00:00.000Z",
  "2024-02-29T12:00:00.001Z",
  "9999-12-31T23:59:59.999Z",
  "+010000-01-01T00:00:00.000Z",
  "+275760-09-13T00:00:00.000Z"
] as const
const UUIDS = [
  "0f9d1c7e-3b5a-4c2d-8e1f-000000000000",
  "0f9d1c7e-3b5a-4c2d-8e1f-00000000000a",
  "f0000000-3b5a-4c2d-8e1f-000000000000"
] as const

/** The values of each field, in order. */
const VALUES = {
  text: TEXTS,
  whole: WHOLES,
  real: REALS,
  digits: DIGITS,
  yes: [false, true],
  at: INSTANTS,
  uuid: UUIDS
} as const
type Field = keyof typeof VALUES
const FIELDS = Object.keys(VALUES) as ReadonlyArray<Field>

const row = Schema.Struct({
  id: Schema.Int,
  text: Schema.String,
  whole: Schema.Int,
  real: Schema.Finite,
  digits: Schema.BigInt,
  yes: Schema.Boolean,
  at: Schema.DateTimeUtc,
  uuid: Schema.String.check(Schema.isUUID()),
  maybe: Schema.NullOr(Schema.String)
})

const samples = (): ReadModelTable.Any =>
  tableOf(row, ["text", "id"], { indexes: [["whole"], ["real"], ["maybe", "at"]] })

/** Rows that combine the values of all fields in many ways. */
const sampleRows: ReadonlyArray<StoredRow> = Array.from({ length: 60 }, (_, id) => {
  const pick = <A>(values: ReadonlyArray<A>, stride: number): A =>
    values[(id * stride + Math.floor(id / 7)) % values.length] as A
  return {
    id,
    text: pick(TEXTS, 5),
    whole: pick(WHOLES, 3),
    real: pick(REALS, 2),
    digits: pick(DIGITS, 5),
    yes: pick([false, true], 1),
    at: pick(INSTANTS, 2),
    uuid: pick(UUIDS, 2),
    maybe: id % 3 === 0 ? null : pick(TEXTS, 2)
  }
})

/** Returns the rank of a value in its field, as listed above, without any store's comparison. */
const rank = (field: string, value: Schema.Json | undefined): number => {
  if (field === "id") return Number(value)
  const values: ReadonlyArray<Schema.Json> = field === "maybe" ? TEXTS : VALUES[field as Field]
  return values.indexOf(value ?? "")
}

const isMet = (row: StoredRow, { field, is, values }: Condition): boolean => {
  const value = row[field] ?? null
  const [bound = null] = values
  if (is === "equal") return value === bound
  if (is === "notEqual") return value !== bound
  if (is === "oneOf") return values.includes(value)
  if (value === null || bound === null) return false
  const [one, other] = [rank(field, value), rank(field, bound)]
  return { below: one < other, atMost: one <= other, above: one > other, atLeast: one >= other }[is]
}

const expectedOf = (query: RowQuery): ReadonlyArray<StoredRow> => {
  const order = [...query.orderBy, ...["text", "id"].map((field) => ({ field, direction: "asc" }))]
  const compare = (a: StoredRow, b: StoredRow) => {
    for (const { direction, field } of order) {
      const difference = rank(field, a[field]) - rank(field, b[field])
      if (difference !== 0) return direction === "asc" ? difference : -difference
    }
    return 0
  }
  const { after, limit, where } = query
  return sampleRows
    .filter((row) => where.every((condition) => isMet(row, condition)))
    .toSorted(compare)
    .filter((row) => Option.isNone(after) || compare(row, after.value) > 0)
    .slice(0, Option.getOrUndefined(limit))
}

const IS = ["equal", "notEqual", "below", "atMost", "above", "atLeast", "oneOf"] as const

const Asked = Schema.Struct({
  where: Schema.Array(
    Schema.Struct({
      field: Schema.Literals([...FIELDS, "maybe"]),
      is: Schema.Literals(IS),
      values: Schema.NonEmptyArray(
        Schema.Literals([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      ).check(Schema.isMaxLength(3))
    })
  ).check(Schema.isMaxLength(2)),
  orderBy: Schema.Array(
    Schema.Struct({
      field: Schema.Literals([...FIELDS, "id"]),
      direction: Schema.Literals(["asc", "desc"])
    })
  ).check(Schema.isMaxLength(3)),
  after: Schema.UndefinedOr(Schema.Literals([0, 7, 20, 33, 59])),
  limit: Schema.UndefinedOr(Schema.Literals([0, 1, 2, 5, 100]))
})

/** Builds a query. Indexes stand for values of the field; -1 is null where the field allows it. */
const toQuery = ({ after, limit, orderBy, where }: typeof Asked.Type): RowQuery => ({
  where: where.map(({ field, is, values }) => {
    const known: ReadonlyArray<Schema.Json> = field === "maybe" ? TEXTS : VALUES[field]
    const chosen = values.map((n) =>
      n === -1 && field === "maybe" ? null : (known[Math.max(n, 0) % known.length] ?? null)
    )
    return { field, is, values: is === "oneOf" ? chosen : chosen.slice(0, 1) }
  }),
  orderBy,
  after: Option.fromUndefinedOr(after === undefined ? undefined : sampleRows[after]),
  limit: Option.fromUndefinedOr(limit)
})

const ids = (rows: ReadonlyArray<StoredRow>) => rows.map((row) => row["id"])

export const queryCases: Cases = {
  "returns the rows that meet all conditions, in the given order, after a given row": Effect.gen(
    function* () {
      const table = samples()
      yield* serve(table, sampleRows)
      const checked = yield* Arbitrary.checkEffect(
        Arbitrary.schema(Asked),
        (asked) =>
          Effect.gen(function* () {
            const query = toQuery(asked)
            const found = ids(yield* rowsOf(table, query))
            const expected = ids(expectedOf(query))
            return JSON.stringify(found) === JSON.stringify(expected)
              ? true
              : yield* Effect.fail({ query, found, expected })
          }),
        { runs: 200 }
      )
      if (checked._tag !== "Passed") assert.fail(Arbitrary.formatCheckFailure(checked) ?? "")
    }
  ),

  "orders columns of every type, ascending and descending": Effect.gen(function* () {
    const table = samples()
    yield* serve(table, sampleRows)
    for (const field of FIELDS) {
      for (const direction of ["asc", "desc"] as const) {
        const query: RowQuery = { ...all, orderBy: [{ field, direction }] }
        assert.deepStrictEqual(ids(yield* rowsOf(table, query)), ids(expectedOf(query)), field)
      }
    }
  }),

  "finds null by equality, and neither below nor above a value": Effect.gen(function* () {
    const table = samples()
    yield* serve(table, sampleRows)
    for (const is of IS) {
      for (const values of [[null], ["a"], [null, "a"], []]) {
        if (is !== "oneOf" && values.length !== 1) continue
        const query: RowQuery = { ...all, where: [{ field: "maybe", is, values }] }
        const found = ids(yield* rowsOf(table, query))
        assert.deepStrictEqual(found, ids(expectedOf(query)), `${is} ${JSON.stringify(values)}`)
      }
    }
  }),

  "returns each row once, page by page, in every order": Effect.gen(function* () {
    const table = samples()
    yield* serve(table, sampleRows)
    for (const orderBy of [
      [],
      [{ field: "whole", direction: "desc" }],
      [
        { field: "yes", direction: "desc" },
        { field: "at", direction: "asc" },
        { field: "digits", direction: "desc" }
      ]
    ] as const) {
      const pages: Array<StoredRow> = []
      let after = Option.none<StoredRow>()
      for (;;) {
        const page = yield* rowsOf(table, { orderBy, after, limit: Option.some(7) })
        pages.push(...page)
        after = Option.fromUndefinedOr(page.at(-1))
        if (page.length < 7) break
      }
      assert.deepStrictEqual(ids(pages), ids(expectedOf({ ...all, orderBy })))
    }
  }),

  "continues after a row that has been deleted": Effect.gen(function* () {
    const table = tallies()
    yield* serve(table, [tally("a", 1), tally("c", 3), tally("d", 4)])
    const after = Option.some(tally("b", 2))
    assert.deepStrictEqual(yield* rowsOf(table, { after }), [tally("c", 3), tally("d", 4)])
    const orderBy = [{ field: "count", direction: "desc" }] as const
    assert.deepStrictEqual(yield* rowsOf(table, { after, orderBy }), [tally("a", 1)])
  }),

  "returns more rows than fit into a page, up to its limit": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const rows = Array.from({ length: 2_203 }, (_, n) => tally(`${10_000 + n}`, n % 5))
    yield* serve(table, rows)
    assert.deepStrictEqual(yield* rowsOf(table), rows)
    for (const limit of [1, 500, 501, 1_000, 1_001, 2_203, 9_999]) {
      const found = yield* rowsOf(table, { limit: Option.some(limit) })
      assert.deepStrictEqual(ids(found), ids(rows.slice(0, limit)), String(limit))
    }
    const first = yield* store.query(table, all).pipe(Stream.take(700), Stream.runCollect)
    assert.deepStrictEqual(first, rows.slice(0, 700))
  }),

  "reads the given generation, or the serving one by default": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const serving = yield* serve(table, [tally("a", 1)])
    yield* shadow(table, [tally("a", 2)])
    yield* take(store, table, serving, step(1, 2))
    assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
    assert.deepStrictEqual(yield* rowsOf(table, {}, 1), [tally("a", 1)])
    assert.deepStrictEqual(yield* rowsOf(table, {}, 2), [tally("a", 2)])
    assert.deepStrictEqual(yield* rowsOf(table, {}, 3), [])
    assert.deepStrictEqual(yield* store.get(table, { id: "a" }), Option.some(tally("a", 1)))
  }),

  "fails as OtherVersionServes while the serving rows are of another version": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* serve(table, [tally("a", 1)])
      // The version has one field more, and another field has another type.
      const next = talliesAgain(table.name)
      yield* store.open(next)
      const reads = [
        store.get(next, { id: "a" }),
        store.get(next, { id: "nowhere" }),
        rowsOf(next),
        rowsOf(next, { where: [{ field: "note", is: "equal", values: ["a"] }] })
      ] as ReadonlyArray<Effect.Effect<unknown, unknown, ReadModelStore>>
      for (const read of reads) {
        const error = yield* Effect.flip(read)
        assert.instanceOf(error, OtherVersionServes)
        assert.deepStrictEqual(factsOf(error), {
          ...factsOf(
            new OtherVersionServes({
              name: next.name,
              version: next.version,
              serving: table.version
            })
          )
        })
      }
      assert.deepStrictEqual(yield* rowsOf(next, {}, 2), [])
      // A version with the same columns can read the serving rows.
      const same = tallies({ name: table.name, version: 3, indexes: [] })
      assert.deepStrictEqual(yield* rowsOf(same), [tally("a", 1)])
    }
  ),

  "returns a row once while other rows are written": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const rows = Array.from({ length: 1_500 }, (_, n) => tally(`${10_000 + n}`, 0))
    const claim = yield* serve(table, rows)
    let steps = 0
    const seen = yield* store.query(table, all).pipe(
      Stream.mapEffect((row) =>
        steps >= 20
          ? Effect.succeed(row)
          : Effect.as(take(store, table, claim, countUp(++steps, steps + 1, `x ${steps}`)), row)
      ),
      Stream.filter((row) => row["count"] === 0),
      Stream.runCollect
    )
    assert.deepStrictEqual(ids(seen), ids(rows))
    assert.deepStrictEqual(
      ids(yield* rowsOf(table, { where: [{ field: "count", is: "above", values: [0] }] })).length,
      20
    )
    yield* take(store, table, claim, put(table, 21, 22, []))
  })
}
