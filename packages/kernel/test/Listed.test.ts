import * as Listed from "@daybook/kernel/Listed"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index))

describe("Listed", () => {
  it("keeps a few lines as they are", () => {
    assert.deepStrictEqual(Listed.make(["view a", "view b"]), {
      count: 2,
      first: ["view a", "view b"]
    })
    assert.strictEqual(Listed.text(Listed.make(["view a", "view b"])), "view a, view b")
    assert.deepStrictEqual(Listed.make([]), Listed.none)
    assert.strictEqual(Listed.text(Listed.none), "")
  })

  it("counts all of many lines, and keeps the first hundred", () => {
    const listed = Listed.make(lines(800, (index) => `view v${index}`))
    assert.strictEqual(listed.count, 800)
    assert.strictEqual(listed.first.length, 100)
    assert.strictEqual(listed.first[99], "view v99")
    assert.isTrue(Listed.text(listed).endsWith("view v99, and 700 more"))
  })

  it("cuts lines of more than 400 code units, and no character in two", () => {
    const [whole, cut, between] = Listed.make([
      "x".repeat(400),
      "x".repeat(401),
      `${"x".repeat(396)}\u{1f600}${"x".repeat(3)}`
    ]).first
    assert.strictEqual(whole, "x".repeat(400))
    assert.strictEqual(cut, `${"x".repeat(397)}...`)
    assert.strictEqual(between, `${"x".repeat(396)}\ufffd...`)
  })

  it("fills 24 KiB as JSON to the last byte", () => {
    // With quotes and a comma 384 bytes each: 64 of them are 24,576.
    assert.lengthOf(Listed.make(lines(70, () => "x".repeat(381))).first, 64)
  })

  for (const [character, kept] of [
    ["\u007f", 100], // 1 byte, 193 a line
    ["\u0080", 64], // 2 bytes, 383 a line
    ["\u07ff", 64],
    ["\u0800", 42], // 3 bytes, 573 a line
    ["\uffff", 42],
    ["\u{10000}", 32] // 4 bytes, 763 a line
  ] as const) {
    const code = character.codePointAt(0)?.toString(16)
    it(`counts the bytes of U+${code} as UTF-8 has them`, () => {
      assert.lengthOf(Listed.make(lines(110, () => character.repeat(190))).first, kept)
    })
  }

  it("is recorded with its number and its lines", () => {
    const listed = Listed.make(["view a"])
    assert.deepStrictEqual(Schema.decodeUnknownSync(Listed.Listed)(listed), listed)
    const bad = [{ count: 1 }, { first: [] }, { count: 0.5, first: [] }, { count: 1, first: [1] }]
    assert.deepStrictEqual<ReadonlyArray<object>>(bad.filter(Schema.is(Listed.Listed)), [])
  })

  for (const [what, line] of [
    ["long", "x".repeat(20_000)],
    ["wide", "\u{1f600}".repeat(5_000)],
    ["escaped", "\u0001".repeat(63)],
    ["escaped and long", "\u0001".repeat(20_000)]
  ] as const) {
    it(`keeps less of lines that are ${what}`, () => {
      const { count, first } = Listed.make(lines(200, () => line))
      assert.strictEqual(count, 200)
      assert.isAbove(first.length, 5)
      assert.isAtMost(Buffer.byteLength(JSON.stringify(first)), 24_576 + 2)
      for (const kept of first) assert.isAtMost(kept.length, 400)
    })
  }
})
