import { assert, describe, it } from "@effect/vitest"
import { compare, countMarks, type Json, type Part } from "../app/difference.ts"
import { compareLines } from "../app/lineDifference.ts"

/** Says the parts in lines, each with the sign of its mark. */
const say = (parts: ReadonlyArray<Part>, within = ""): ReadonlyArray<string> => {
  const signs = { same: " ", add: "+", del: "-", chg: "~" }
  return parts.flatMap((part) => {
    const name = within + part.name
    if (part.kind === "line") {
      const { after, before, mark } = part
      return [`${signs[mark]}${name} ${JSON.stringify(before)} ${JSON.stringify(after)}`]
    }
    if (part.kind === "group") return say(part.parts, `${name}.`)
    return [
      ` ${name}[${part.before}, ${part.after}]`,
      ...part.elements.map(
        ({ cells, mark }) =>
          `${signs[mark]}  ${cells
            .map(({ after, before }) => JSON.stringify(after ?? before))
            .join(" ")}`
      )
    ]
  })
}

const line = (productId: string, price: number, quantity: number) => ({
  productId,
  price,
  quantity
})
const keys = { lines: ["productId", "price"] }

describe("the difference of two states", () => {
  it("marks fields in the order of the newer state, and keeps those that went", () => {
    const before = { _tag: "Draft", note: "soon", address: { city: "London" } }
    const after = { _tag: "Confirmed", address: { city: "York" }, at: 1 }
    assert.deepStrictEqual(say(compare(before, after)), [
      '~_tag "Draft" "Confirmed"',
      '-note "soon" undefined',
      '~address.city "London" "York"',
      "+at undefined 1"
    ])
    assert.deepStrictEqual(countMarks(compare(before, after)), { add: 1, del: 1, chg: 2 })
  })

  it("matches elements by their key, and leaves the removed one in its place", () => {
    const before = { lines: [line("a", 1, 4), line("b", 2, 6), line("a", 3, 2)] }
    const after = { lines: [line("a", 1, 4), line("a", 3, 1), line("c", 1, 1)] }
    assert.deepStrictEqual(say(compare(before, after, keys)), [
      " lines[3, 3]",
      '   "a" 1 4',
      '-  "b" 2 6',
      '~  "a" 3 1',
      '+  "c" 1 1'
    ])
  })

  it("matches by place without a key, and shows lists of texts", () => {
    assert.deepStrictEqual(say(compare({ names: ["x", "y"] }, { names: ["x", "z", "w"] })), [
      " names[2, 3]",
      '   "x"',
      '-  "y"',
      '+  "z"',
      '+  "w"'
    ])
  })

  it("shows all as new where there was nothing, and nothing as changed where all is equal", () => {
    const state = { lines: [line("a", 1, 4)], empty: {}, none: null }
    assert.deepStrictEqual(countMarks(compare(state, state, keys)), { add: 0, del: 0, chg: 0 })
    assert.deepStrictEqual(countMarks(compare(undefined, state, keys)), { add: 3, del: 0, chg: 0 })
    assert.deepStrictEqual(countMarks(compare(state, undefined, keys)), { add: 0, del: 3, chg: 0 })
  })

  it("compares values that are no records", () => {
    assert.deepStrictEqual(say(compare(1, 2)), ["~value 1 2"])
    const odd: Json = { __proto__: null, constructor: 1 }
    assert.deepStrictEqual(say(compare({}, odd)), ["+constructor undefined 1"])
  })
})

describe("the difference of two texts", () => {
  it("marks the lines that the other one lacks", () => {
    const { after, before } = compareLines(["{", "a", "b", "}"], ["{", "b", "c", "}"])
    assert.deepStrictEqual([...before], [1])
    assert.deepStrictEqual([...after], [2])
  })
})
