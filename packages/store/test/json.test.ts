import { describe, it, assert } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Json from "../src/internal/driver/json.ts"

const limits = { maxBytes: 1_000, maxDepth: 10 }

const refusalOf = (value: unknown) => {
  const encoded = Json.encode(value, limits)
  assert.isTrue(Result.isFailure(encoded))
  return Result.isFailure(encoded) ? encoded.failure : undefined
}

/** Returns `width` references to one object, nested: 10 to the power of `depth` leaves. */
const sharedTree = (depth: number, leaf: unknown): unknown =>
  depth === 0
    ? leaf
    : sharedTree(
        depth - 1,
        Array.from({ length: 10 }, () => leaf)
      )

/** An escape, itself not escaped, of U+0000 or of a surrogate: PostgreSQL has no text for these. */
const unstorableEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

describe("encode", () => {
  it.prop("gives a text that reads back as the value, or refuses it", [Schema.Json], ([value]) => {
    const encoded = Json.encode(value, { maxBytes: 1_000_000, maxDepth: 100 })
    if (Result.isSuccess(encoded)) {
      assert.deepStrictEqual(JSON.parse(encoded.success.text), value)
      assert.strictEqual(encoded.success.bytes, Buffer.byteLength(encoded.success.text))
      assert.notMatch(encoded.success.text, unstorableEscape)
    } else {
      // `Schema.Json` allows these of the refused values.
      assert.include(
        ["-0", "an integer past 2^53 - 1", "a lone surrogate", "U+0000"],
        encoded.failure._tag === "NotJson" ? encoded.failure.found : undefined
      )
    }
  })

  it("writes objects without a prototype as ordinary ones", () => {
    const value: object = Object.assign(Object.create(null) as object, { a: 1 })
    assert.deepStrictEqual(
      Json.encode(value, limits),
      Result.succeed({ text: '{"a":1}', bytes: 7 })
    )
  })

  it("reports the path to the value that it refuses", () => {
    assert.deepStrictEqual(refusalOf({ a: [1, { b: [Number.NaN] }] }), {
      _tag: "NotJson",
      path: ["a", "1", "b", "0"],
      found: "NaN"
    })
  })

  it("reports the size of a value that is slightly too large", () => {
    assert.deepStrictEqual(refusalOf("é".repeat(600)), { _tag: "TooLarge", bytes: 1_202 })
  })

  it("gives up on what stands for more text than there is memory", () => {
    for (const value of [sharedTree(9, "x"), sharedTree(9, []), sharedTree(9, 1)]) {
      const refused = refusalOf(value)
      assert.deepInclude(refused, { _tag: "TooLarge" })
    }
  })
})
