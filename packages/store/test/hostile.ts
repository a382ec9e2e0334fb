/**
 * Values that the type of their place does not allow, each with its name.
 */
const circular: Record<string, unknown> = {}
circular["self"] = circular

export const hostile: ReadonlyArray<readonly [string, unknown]> = [
  ["null", null],
  ["NaN", Number.NaN],
  ["-1", -1],
  ["1.5", 1.5],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["an empty text", ""],
  ["NUL", "\0"],
  ["ESC", "\u001b[31m\u202e\u2028"],
  ["a surrogate", "\ud800"],
  ["a symbol", Symbol("s")],
  ["-1n", -1n],
  ["2n ** 70n", 2n ** 70n],
  ["true", true],
  ["an empty array", []],
  ["an empty object", {}],
  ["an object without a text", { toString: 1, valueOf: 1 }],
  ["an object without a prototype", Object.create(null)],
  ["a function", () => 1],
  ["no date", new Date(Number.NaN)],
  ["a circle", circular]
]
