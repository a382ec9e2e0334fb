import * as Money from "@daybook/order/Money"
import { assert, describe, it } from "@effect/vitest"

describe("Money", () => {
  it("shows amounts with the decimals of their currency", () => {
    const cases: ReadonlyArray<readonly [string, number | bigint, string]> = [
      ["GBP", 0, "GBP 0.00"],
      ["GBP", 5, "GBP 0.05"],
      ["GBP", 123_450, "GBP 1,234.50"],
      ["GBP", 100_000, "GBP 1,000.00"],
      ["JPY", 1_235, "JPY 1,235"],
      ["JPY", 0, "JPY 0"],
      ["KWD", 1_235, "KWD 1.235"],
      ["CLF", 12_345, "CLF 1.2345"],
      ["HUF", 12_345, "HUF 123.45"],
      ["GBP", Money.MAX_MINOR, "GBP 90,071,992,547,409.91"],
      ["GBP", 9_007_199_254_740_991_000_000n, "GBP 90,071,992,547,409,910,000.00"],
      ["GBP", -123_456n, "GBP -1,234.56"],
      ["JPY", -1n, "JPY -1"]
    ]
    for (const [currency, minor, expected] of cases) {
      assert.strictEqual(Money.format({ currency, minor }), expected)
    }
  })

  it("S16: formats an amount of any length in linear time", () => {
    const shown = Money.format({ currency: "JPY", minor: 10n ** 300_000n })
    assert.strictEqual(shown.slice(0, 12), "JPY 1,000,00")
    assert.lengthOf(shown, 4 + 300_001 + 100_000)
  })

  it("multiplies exactly past 2^53", () => {
    assert.strictEqual(Money.times(Money.MAX_MINOR, 3), 27_021_597_764_222_973n)
  })
})
