import { assert, it } from "@effect/vitest"
import * as Comparison from "../src/guard/Comparison.ts"
import type * as Row from "../src/guard/Row.ts"

const row: Row.Row = { name: "append 1 event", concurrency: 64, module: "store" }

const title = "append 1 event, 64 at a time"

/** A comparison with this median ratio. */
const compared = (median: number, name = title): Comparison.Compared => ({
  row: name,
  present: 1_000 * median,
  base: 1_000,
  ratio: { median, least: median - 0.1, most: median + 0.1 }
})

const uncompared: Comparison.Uncompared = { row: "catch up, 1 at a time", notOffered: "no module" }

it("compares turn by turn, so that a slow hour counts for both sides", () => {
  const pairs = [
    { present: 90, base: 100 },
    { present: 10, base: 10 },
    { present: 240, base: 200 },
    { present: 44, base: 40 }
  ]
  assert.deepStrictEqual(Comparison.compare({ row, pairs }), {
    row: title,
    present: 67,
    base: 70,
    // Of 0.9, 1, 1.1 and 1.2; the rates' own medians would be 0.96 of each other.
    ratio: { median: (1 + 44 / 40) / 2, least: 0.9, most: 1.2 }
  })
})

it("compares nothing where the base does not offer the row", () => {
  assert.deepStrictEqual(Comparison.compare({ row, notOffered: "no module" }), {
    row: title,
    notOffered: "no module"
  })
})

it("passes rows at the allowed ratio and above", () => {
  const { passed, text } = Comparison.judge([compared(0.9), compared(1.3), uncompared], 0.9)
  assert.isTrue(passed)
  assert.strictEqual(text, "No row is below 0.9 of the base, of 2")
})

it("fails a row below the allowed ratio, however fast the others are", () => {
  const { passed, text } = Comparison.judge(
    [compared(2), compared(0.899, "load, 1 at a time")],
    0.9
  )
  assert.isFalse(passed)
  assert.strictEqual(text, "Below 0.9 of the base: load, 1 at a time (0.899)")
})

it("fails a row that did nothing on both sides", () => {
  const nothing = Comparison.compare({ row, pairs: [{ present: 0, base: 0 }] })
  assert.isFalse(Comparison.judge([compared(1), nothing], 0.9).passed)
})

it("fails when nothing was compared", () => {
  assert.isFalse(Comparison.judge([uncompared], 0.9).passed)
  assert.isFalse(Comparison.judge([], 0.9).passed)
})

it("writes rates, ratios and rows that the base does not offer", () => {
  assert.strictEqual(
    Comparison.table([{ ...compared(0.95), present: 12_345.6 }, uncompared]),
    [
      "| events a second | present | base | ratio | least | most |",
      "| --- | --: | --: | --: | --: | --: |",
      `| ${title} | 12,346 | 1,000 | 0.950 | 0.850 | 1.05 |`,
      "| catch up, 1 at a time |  | not offered |  |  |  |"
    ].join("\n")
  )
})
