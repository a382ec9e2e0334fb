import { assert, describe, it } from "@effect/vitest"
import * as LineIndex from "../src/internal/LineIndex.ts"

interface Line {
  readonly product: string
  readonly price: number
  readonly quantity: number
}

let reads = 0
const read = <A>(value: A): A => {
  reads++
  return value
}

const Lines = LineIndex.make<Line>({
  product: (line) => read(line.product),
  price: (line) => line.price,
  quantity: (line) => line.quantity,
  value: (line) => BigInt(line.price) * BigInt(line.quantity)
})

/** The same answers by a scan of all lines. */
const plain = {
  find: (lines: ReadonlyArray<Line>, product: string, price: number) =>
    lines.find((line) => line.product === product && line.price === price),
  putLast: (lines: ReadonlyArray<Line>, before: Line | undefined, line: Line) => [
    ...lines.filter((other) => other !== before),
    line
  ],
  replace: (lines: ReadonlyArray<Line>, before: Line, line: Line | undefined) =>
    lines.flatMap((other) => (other !== before ? [other] : line === undefined ? [] : [line]))
}

const assertSame = (lines: ReadonlyArray<Line>, expected: ReadonlyArray<Line>) => {
  assert.deepStrictEqual(lines, expected)
  assert.strictEqual(
    Lines.quantity(lines),
    expected.reduce((sum, { quantity }) => sum + quantity, 0)
  )
  assert.strictEqual(
    Lines.value(lines),
    expected.reduce((sum, { price, quantity }) => sum + BigInt(price * quantity), 0n)
  )
  for (const product of ["p0", "p7", "p39", "none"]) {
    const found = expected.filter((line) => line.product === product)
    assert.deepStrictEqual(Lines.ofProduct(lines, product), found)
    for (const price of [1, 2, 3]) {
      assert.strictEqual(Lines.find(lines, product, price), plain.find(lines, product, price))
    }
  }
}

describe("LineIndex", () => {
  it("gives the same answers as a search of all lines, after any changes", () => {
    let lines: ReadonlyArray<Line> = []
    let expected: ReadonlyArray<Line> = []
    const older: Array<readonly [ReadonlyArray<Line>, ReadonlyArray<Line>]> = []
    // Walks through all remainders of a prime: 40 products at 3 prices, in a fixed disorder.
    for (let step = 0, dice = 1; step < 1_500; step++, dice = (dice * 7) % 7_919) {
      const [product, price] = [`p${dice % 40}`, 1 + (dice % 3)]
      const before = plain.find(lines, product, price)
      assert.strictEqual(Lines.find(lines, product, price), before)
      if (dice % 5 < 3 || before === undefined) {
        const line = { product, price, quantity: 1 + (dice % 4) + (before?.quantity ?? 0) }
        expected = plain.putLast(expected, before, line)
        lines = Lines.putLast(lines, before, line)
      } else {
        const line = dice % 2 === 0 ? undefined : { ...before, quantity: 1 }
        expected = plain.replace(expected, before, line)
        lines = Lines.replace(lines, before, line)
      }
      assertSame(lines, expected)
      if (step % 50 === 0) older.push([lines, expected])
      // An older array is unchanged, and can be changed further.
      if (step % 70 === 0) [lines, expected] = older[dice % older.length] ?? [lines, expected]
    }
    assert.isAbove(Math.max(...older.map(([{ length }]) => length)), 60)
    for (const [then, expectedThen] of older) assertSame(then, expectedThen)
  })

  it("reads only changed lines, once it has read all", () => {
    let lines: ReadonlyArray<Line> = Array.from({ length: 1_000 }, (_, n) => ({
      product: `p${n}`,
      price: 1,
      quantity: 1
    }))
    Lines.quantity(lines)
    reads = 0
    for (let n = 0; n < 1_000; n++) {
      const before = Lines.find(lines, `p${n}`, 1)
      lines = Lines.putLast(lines, before, { product: `p${n}`, price: 1, quantity: 2 })
    }
    assert.strictEqual(Lines.value(lines), 2_000n)
    // One line removed and one added, a thousand times.
    assert.strictEqual(reads, 2_000)
  })
})
