import { assert, it } from "@effect/vitest"
import * as Comparison from "../src/http/Comparison.ts"

const turn = (perSecond: number, failed = 0) => ({
  perSecond,
  p50Millis: 1_000 / perSecond,
  p99Millis: 5_000 / perSecond,
  failed
})

it("takes the medians of a host's turns, and the sum of what failed", () => {
  assert.deepStrictEqual(
    Comparison.row({ name: "shop", turns: [turn(100, 1), turn(500), turn(200, 2)] }),
    { name: "shop", perSecond: 200, p50Millis: 5, p99Millis: 25, failed: 3 }
  )
})

it("has the ratio of each host to the last one", () => {
  const rows = [turn(2_000), turn(2_500)].map((figures, index) => ({
    ...figures,
    name: ["shop", "node:http"][index] ?? ""
  }))
  assert.strictEqual(Comparison.ratio(rows), 0.8)
  assert.strictEqual(
    Comparison.table(rows),
    [
      "| host | requests a second | ratio | p50 ms | p99 ms | failed |",
      "| --- | --: | --: | --: | --: | --: |",
      "| shop | 2,000 | 0.80 | 0.5 | 2.5 | 0 |",
      "| node:http | 2,500 | 1.00 | 0.4 | 2 | 0 |"
    ].join("\n")
  )
})
