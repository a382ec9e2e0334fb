import type { Column } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { codecOf } from "../src/internal/fold/rowCodec.ts"

const column = (type: Column["type"], nullable = false): Column => ({
  field: "it",
  name: "it",
  type,
  nullable
})

/** Returns the stored form of a value in a column of a type, or the reason of the refusal. */
const stored = (type: Column["type"], schema: Schema.Codec<unknown, unknown>, it: unknown) => {
  const row = Schema.Struct({ it: schema }) as Schema.Top as Schema.Codec<unknown, unknown>
  const encoded = codecOf(row, [column(type)], new Set(), []).encode({ it })
  return Result.isSuccess(encoded) ? encoded.success : encoded.failure
}

const UUID = "0f9d1c7e-3b5a-4c2d-8e1f-000000000000"

describe("A column refuses what its type would not give back,", () => {
  for (const [why, type, schema, value, issue] of [
    ["as null", "text", Schema.Null, null, "null, and not nullable"],
    [
      "as a whole number that is not exact",
      "bigint",
      Schema.Finite,
      2 ** 53,
      "9007199254740992 is past the whole numbers that are exact"
    ],
    [
      "as no whole number",
      "numeric",
      Schema.String,
      "1.5",
      "1.5 is not a whole number in decimal digits"
    ],
    [
      "as digits behind others",
      "numeric",
      Schema.String,
      "x1",
      "x1 is not a whole number in decimal digits"
    ],
    [
      "as digits before others",
      "numeric",
      Schema.String,
      "1x",
      "1x is not a whole number in decimal digits"
    ],
    [
      "as a zero before digits",
      "numeric",
      Schema.String,
      "01",
      "01 is not a whole number in decimal digits"
    ],
    [
      "as another zero",
      "numeric",
      Schema.String,
      "-0",
      "-0 is not a whole number in decimal digits"
    ],
    [
      "as a UUID with more behind it",
      "uuid",
      Schema.String,
      `${UUID}0`,
      `${UUID}0 is not how PostgreSQL writes a UUID: in small letters, in groups of 8, 4, 4, 4 and 12`
    ],
    [
      "as a UUID with more before it",
      "uuid",
      Schema.String,
      `{${UUID}`,
      `{${UUID} is not how PostgreSQL writes a UUID: in small letters, in groups of 8, 4, 4, 4 and 12`
    ],
    [
      "as a day",
      "timestamptz",
      Schema.String,
      "2024-02-01",
      "2024-02-01 is not how an instant is stored: 2024-02-01T00:00:00.000Z"
    ],
    [
      "as no instant",
      "timestamptz",
      Schema.String,
      "now",
      "now is not in the years 4713 BC to 275760, which PostgreSQL and JavaScript both have"
    ],
    [
      "as an instant before all of PostgreSQL's",
      "timestamptz",
      Schema.String,
      "-004713-11-23T23:59:59.999Z",
      "-004713-11-23T23:59:59.999Z is not in the years 4713 BC to 275760, which PostgreSQL and JavaScript both have"
    ]
  ] as const) {
    it(`such ${why}, and says so`, () => {
      assert.strictEqual(stored(type, schema, value), `it: ${issue}`)
    })
  }
})

describe("A row whose schema throws", () => {
  it("is refused with what was thrown", () => {
    const thrower = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.passthrough(),
        encode: SchemaGetter.transform((): string => {
          throw new TypeError("it has no other side")
        })
      })
    )
    assert.strictEqual(stored("text", thrower, "a"), "TypeError: it has no other side")
  })
})

describe("A column takes what its type gives back,", () => {
  for (const [what, type, schema, value] of [
    ["whole numbers", "bigint", Schema.Finite, 2 ** 53 - 1],
    ["other numbers", "double precision", Schema.Finite, 2 ** 53],
    ["digits", "numeric", Schema.String, "-120"],
    ["zero", "numeric", Schema.String, "0"],
    ["UUIDs", "uuid", Schema.String, UUID],
    ["instants", "timestamptz", Schema.String, "2024-02-01T00:00:00.000Z"],
    ["the first instant", "timestamptz", Schema.String, "-004713-11-24T00:00:00.000Z"],
    ["the last instant", "timestamptz", Schema.String, "+275760-09-13T00:00:00.000Z"],
    ["booleans", "boolean", Schema.Boolean, false],
    ["JSON", "jsonb", Schema.Json, [true, null, { a: [0, "b"] }]]
  ] as const) {
    it(`such as ${what}`, () => {
      assert.deepStrictEqual(stored(type, schema, value), { it: value })
    })
  }
})
