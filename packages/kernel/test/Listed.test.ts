import * as Listed from "@daybook/kernel/Listed"
import { assert, describe, it } from "@effect/vitest"

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
