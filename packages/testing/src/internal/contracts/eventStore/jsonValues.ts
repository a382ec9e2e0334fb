/**
 * The edge cases of JSON: values that every store returns exactly, and values that every store
 * refuses.
 */
import type { NotJson } from "@daybook/store/EventStore"
import type * as Schema from "effect/Schema"

/** Nests arrays, `depth` in all. */
export const nested = (depth: number): Schema.Json => {
  let value: Schema.Json = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}

const characters = (from: number, to: number): string =>
  String.fromCodePoint(...Array.from({ length: to - from + 1 }, (_, n) => from + n))

export const roundTrips: ReadonlyArray<readonly [name: string, value: Schema.Json]> = [
  ["null", null],
  ["true and false", [true, false]],
  ["the empty text", ""],
  ["the empty object and array", [{}, []]],
  ["zero", 0],
  ["small numbers", [1, -1, 0.1, -2.5, 1e-7, 5e-324, 0.1 + 0.2, 123_456_789.123_456_79]],
  ["numbers of 17 digits", [0.300_000_000_000_000_04, 4_503_599_627_370_495.5, 2 ** -1074]],
  ["the largest integers", [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, -(2 ** 32)]],
  ["numbers as text", ["9007199254740993", "1e400", "-0", "NaN", "Infinity"]],
  ["the characters from space to delete", characters(0x20, 0x7f)],
  ["control characters", characters(0x01, 0x1f) + characters(0x80, 0x9f)],
  [
    "quotes and backslashes",
    `' '' " "" \` \\ \\\\ \\' \\" \\n \\x41 E'\\\\n' $$ $1 $q$ ; -- /* */`
  ],
  ["percent signs and braces", "% %% %s %% {} ${id} {{id}} :id ? ?? @id"],
  ["texts that look like escapes", ["\\u0000", "\\ud800", "\\x00", "&#0;", "%00"]],
  ["other alphabets", "Ærøskøbing Łódź Ελλάδα Россия 日本語 한국어 עברית العربية हिन्दी"],
  ["emoji, alone and joined", "🧾 👩‍👩‍👧‍👦 🇩🇰 👍🏽 ☃️ 𝒳"],
  ["composed and decomposed accents", ["é", "e\u0301", "ﬁ", "Å", "Å"]],
  ["the separators U+2028 and U+2029", "\u2028\u2029"],
  ["the byte order mark and noncharacters", "\ufeff\ufffe\uffff\ufffd\u{1ffff}\u{10ffff}"],
  ["white space around texts", " \t\n\r\u00a0\u3000 x \u200b"],
  ["the order of keys", { b: 1, a: 2, "": 3, B: 4, "10": 5, "9": 6 }],
  [
    "keys with every kind of character",
    { "a.b": 1, "a b": 2, "\"'\\": 3, "🧾": 4, "\n": 5, $1: 6 }
  ],
  ["keys that objects inherit", { constructor: 1, toString: 2, hasOwnProperty: 3, length: 4 }],
  // In a literal this key would set the prototype instead.
  [
    "a key named __proto__",
    JSON.parse('{"__proto__":{"a":1},"b":{"__proto__":null}}') as Schema.Json
  ],
  ["objects that look like others", { _tag: "Some", value: 1, $type: "x", toJSON: "text" }],
  ["long lists", Array.from({ length: 5_000 }, (_, n) => n)],
  ["deep nesting", nested(100)]
]

class Price {
  readonly amount = 1
}

interface Refused {
  readonly name: string
  readonly value: unknown
  /** The path from the value to the refused part. */
  readonly path: ReadonlyArray<string>
  readonly found: NotJson
}

const refused = (
  found: NotJson,
  ...values: ReadonlyArray<readonly [name: string, value: unknown, ...path: Array<string>]>
): ReadonlyArray<Refused> => values.map(([name, value, ...path]) => ({ name, value, path, found }))

/** An array with a hole, which differs from one with `undefined` in it. */
const withHole = Object.assign(Array<unknown>(3), { 0: 1, 2: 3 })

export const notJson: ReadonlyArray<Refused> = [
  ...refused(
    "undefined",
    ["undefined", undefined],
    ["an absent property", { a: 1, b: undefined }, "b"],
    ["undefined in an array", [undefined], "0"]
  ),
  ...refused(
    "function",
    ["a function", () => 1],
    ["an object with a toJSON method", { toJSON: () => 1 }, "toJSON"]
  ),
  ...refused(
    "symbol",
    ["a symbol", Symbol.iterator],
    ["a property named by a symbol", { [Symbol.iterator]: 1 }]
  ),
  ...refused("bigint", ["a bigint", 1n], ["a bigint in an object", { price: 1n }, "price"]),
  ...refused("NaN", ["NaN", Number.NaN]),
  ...refused(
    "Infinity",
    ["infinity", Number.POSITIVE_INFINITY],
    ["minus infinity", Number.NEGATIVE_INFINITY]
  ),
  ...refused("-0", ["minus zero", -0], ["minus zero in an array", [[0, -0]], "0", "1"]),
  ...refused(
    "an integer past 2^53 - 1",
    ["2^53", 2 ** 53],
    ["-2^53", -(2 ** 53)],
    ["1e21", 1e21],
    ["the largest number", Number.MAX_VALUE]
  ),
  ...refused(
    "a lone surrogate",
    ["a high surrogate alone", "a\ud83e"],
    ["a low surrogate alone", "\uddfea"],
    ["surrogates in the wrong order", "\uddfe\ud83e"],
    ["a key with a lone surrogate", { "\ud83e": 1 }, "\ud83e"]
  ),
  ...refused(
    "U+0000",
    ["a zero character", "a\0b"],
    ["a key with a zero character", { a: { "\0": 1 } }, "a", "\0"]
  ),
  ...refused(
    "an object that is not plain",
    ["a date", new Date(0)],
    ["a map", new Map([["a", 1]])],
    ["a set", { set: new Set([1]) }, "set"],
    ["bytes", new Uint8Array(2)],
    ["a boxed number", Object(1)],
    ["an instance of a class", new Price()],
    ["a regular expression", /x/],
    ["an array with more than items", Object.assign([1], { index: 0 })]
  ),
  ...refused("a sparse array", ["an array with a hole", withHole, "1"])
]
