import { assert, it } from "@effect/vitest"
import * as Plot from "../src/growth/Plot.ts"

const row = (name: string, ratio: number) => ({
  name,
  concurrency: 1,
  figure: "rate" as const,
  figures: [
    { log: 10_000, value: 100, ratio: 1 },
    { log: 1_000_000, value: 100 * ratio, ratio }
  ]
})

it("draws a curve for each row, from the shortest log to the longest", () => {
  const [flat, half] = [...Plot.svg([row("flat", 1), row("half", 0.5)]).matchAll(/points="(.*?)"/g)]
  // 1.2 is at 16 and 0 at 296, so 1 is at 62.7 and 0.5 at 179.3.
  assert.strictEqual(flat?.[1], "48,62.7 510,62.7")
  assert.strictEqual(half?.[1], "48,62.7 510,179.3")
})

it("keeps names apart that would stand on one another, and shows them as text", () => {
  const drawn = Plot.svg([row("a<b", 0.5), row("c", 0.5)])
  const names = [...drawn.matchAll(/<text x="526" y="([\d.]+)">(.*?)<\/text>/g)]
  assert.deepStrictEqual(
    names.map(([, y, name]) => [y, name]),
    [
      ["183.3", "a&lt;b, 1"],
      ["198.3", "c, 1"]
    ]
  )
})
