import { assert, it } from "@effect/vitest"
import * as Row from "../src/reacting/Row.ts"

const turns = (...rates: ReadonlyArray<number>) =>
  rates.map((perSecond) => ({ perSecond, micros: 1e6 / perSecond }))

it("takes the medians of the turns, and the median of the ratios in each turn", () => {
  const row = Row.row({
    name: "publisher",
    hosts: 4,
    turns: turns(1_000, 8_000, 4_000),
    yardstick: { name: "client", turns: turns(1_000, 16_000, 5_000) }
  })
  assert.deepStrictEqual(row, {
    name: "publisher",
    hosts: 4,
    perSecond: 4_000,
    micros: 250,
    yardstick: "client",
    ratio: 0.8
  })
  assert.strictEqual(
    Row.table("messages", [row]),
    [
      "| | hosts | messages a second | processor µs | of yardstick | yardstick |",
      "| --- | --: | --: | --: | --: | --- |",
      "| publisher | 4 | 4,000 | 250.0 | 0.80 | client |"
    ].join("\n")
  )
})
