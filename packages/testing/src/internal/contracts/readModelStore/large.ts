/**
 * Reads the largest rows that can be stored in every way, and the record of every poison event.
 */
import { MAX_ISSUE_LENGTH } from "@daybook/projections/driver/ReadModelGeneration"
import { RowsDiffer } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { MAX_ROW_BYTES } from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as assert from "../../assert.ts"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  type Cases,
  poison,
  put,
  rowsOf,
  serve,
  shadow,
  stateOf,
  statesOf,
  switchTo,
  tableOf,
  take
} from "./fixture.ts"

const table = () => tableOf(Schema.Struct({ id: Schema.String, json: Schema.Json }), ["id"])

/**
 * Builds JSON that PostgreSQL sends with more bytes than it received: spaces, and numbers without
 * exponents.
 */
const grown = (id: string, numbers: number): StoredRow => ({
  id,
  json: [{ list: Array.from({ length: numbers }, () => 1e300) }]
})

/** Builds a row whose JSON text has `bytes` bytes, with its two quotes. */
const filled = (id: string, bytes: number): StoredRow => ({ id, json: "x".repeat(bytes - 2) })

/**
 * A row takes 10 bytes more: 4 for the length of each of its two columns, 1 for the id, and 1 for
 * the version of the JSON.
 */
const LARGEST = MAX_ROW_BYTES - 10

export const largeCases: Cases = {
  "can be read in every way at the largest size that its table encodes": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const of = table()
    const rows = [filled("a", LARGEST), grown("b", 26_000)]
    for (const row of rows) assert.isTrue(Result.isSuccess(of.encode(row as never)))
    const claim = yield* serve(of, rows)
    for (const row of rows) {
      assert.isTrue(same(Option.getOrUndefined(yield* store.get(of, { id: row["id"] ?? "" })), row))
    }
    yield* take(store, of, claim, {
      ...put(of, 1, 2, rows),
      fold: (found) => {
        assert.isTrue(rows.every((row) => same(found.get(of.keyText(row)), row)))
        return Result.succeed({ upserts: [], deletions: [] })
      }
    })
    const queried = yield* rowsOf(of)
    assert.isTrue(queried.length === 2 && queried.every((row, at) => same(row, rows[at])))
  }),

  "is compared with another of the same size": Effect.gen(function* () {
    const of = table()
    yield* serve(of, [filled("a", LARGEST)])
    const other = yield* shadow(of, [filled("a", LARGEST - 1)])
    const differ = yield* Effect.flip(switchTo(of, other, true))
    assert.instanceOf(differ, RowsDiffer)
    assert.strictEqual(differ.count, 1)
    assert.isTrue(same(differ.differences[0]?.serving, filled("a", LARGEST)))
    assert.isTrue(same(differ.differences[0]?.rebuilt, filled("a", LARGEST - 1)))
    assert.isBelow(differ.message.length, 10_000)
  }),

  "is refused, with its size, when it is a byte too large": Effect.sync(() => {
    const refused = table().encode(filled("a", LARGEST + 1) as never)
    assert.strictEqual(
      Result.isFailure(refused) ? refused.failure : "stored",
      "the row has 8000001 bytes, at most 8000000 are stored"
    )
    assert.isTrue(Result.isFailure(table().encode(grown("b", 27_000) as never)))
  }),

  "is returned once, in order, by a query of many large rows": Effect.gen(function* () {
    const of = table()
    const rows = Array.from({ length: 24 }, (_, at) =>
      filled(String.fromCharCode(97 + at), 1_000_000 + at)
    )
    yield* serve(of, rows)
    const ascending = yield* rowsOf(of)
    assert.deepStrictEqual(
      ascending.map(({ id }) => id),
      Array.from("abcdefghijklmnopqrstuvwx")
    )
    const some = yield* rowsOf(of, {
      orderBy: [{ field: "id", direction: "desc" }],
      limit: Option.some(17)
    })
    assert.deepStrictEqual(
      some.map(({ id }) => id),
      Array.from("xwvutsrqponmlkjih")
    )
  }),

  "may stop its read model: the record has the start of the issue and its length": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const of = table()
      const claim = yield* serve(of)
      // The issue is 17 MB, and its cut falls in the middle of a surrogate pair.
      yield* store.stop(claim, poison(2, { issue: `\u0000${"\u{1F9FE}".repeat(8_500_000)}` }))
      const issue = Option.getOrThrow((yield* stateOf(claim)).poison).issue
      assert.strictEqual(issue.length, MAX_ISSUE_LENGTH)
      assert.strictEqual(issue.slice(0, 5), "\ufffd\u{1F9FE}\u{1F9FE}")
      assert.strictEqual(issue.slice(-25), "\u{1F9FE}… (17000001 characters)")
      assert.isTrue(issue.isWellFormed())
      yield* store.resume(of.name)
      assert.strictEqual((yield* statesOf(of)).length, 1)
    }
  )
}

/** Compares two rows without printing both when they differ. */
const same = (row: object | undefined, expected: object | undefined): boolean =>
  JSON.stringify(row) === JSON.stringify(expected)
