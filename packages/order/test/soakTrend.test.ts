import { assert, describe, it } from "@effect/vitest"
import { fit, grows, type Series, tell } from "./soak/trend.ts"

/** Returns noise between -1 and 1, the same in each run. */
const noise = (seed: number) => {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return (state / 2_147_483_648) * 2 - 1
  }
}

/** Returns normal noise with a deviation of 1, by Box and Muller. */
const normalNoise = (seed: number) => {
  const random = noise(seed)
  return () => Math.sqrt(-2 * Math.log(1 - (random() + 1) / 2)) * Math.cos(Math.PI * (random() + 1))
}

const series = (value: (second: number) => number, least = 1): Series => ({
  name: "heap",
  unit: "MiB",
  least,
  samples: Array.from({ length: 60 }, (_, n) => ({ second: n * 12, value: value(n * 12) }))
})

describe("The report of a soak on its samples", () => {
  it("fits the line of least squares", () => {
    const line = fit([
      { second: 0, value: 1 },
      { second: 1, value: 3 },
      { second: 2, value: 5 },
      { second: 3, value: 7 },
      { second: 4, value: 9 },
      { second: 5, value: 11 }
    ])
    assert.deepStrictEqual(line, { slope: 2, error: 0, mean: 6, growth: 10, floor: 8 })
    // By hand: values 1, 2, 1, 2, 1, 2 have a slope of 1.5 / 17.5, and leave 1.5 - 1.5 ^ 2 / 17.5.
    const wavy = fit([1, 2, 1, 2, 1, 2].map((value, second) => ({ second, value })))
    assert.approximately(wavy?.slope ?? 0, 0.085_714, 0.000_001)
    assert.approximately(wavy?.error ?? 0, 0.139_971, 0.000_001)
    assert.isUndefined(fit([{ second: 0, value: 1 }]))
    assert.isUndefined(fit(Array.from({ length: 9 }, () => ({ second: 1, value: 1 }))))
  })

  it("reports a leak of a known slope under noise, and its rate", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = noise(seed)
      // 60 MiB, and 3 more in each of the 12 minutes.
      const leak = series((second) => 60 + second / 20 + random() * 4)
      assert.isTrue(grows(leak), `seed ${seed}`)
      assert.approximately((fit(leak.samples)?.slope ?? 0) * 60, 3, 0.5)
      assert.match(tell(leak), /^heap: .* MiB, \+[23]\.\d+ a minute .* GROWS$/)
    }
  })

  it("reports a leak under noise of 0.2 to 0.4 of its growth", () => {
    // 8 MiB over the settled samples, and noise of up to 0.4 of that to either side.
    for (const share of [0.2, 0.25, 0.3, 0.35, 0.4]) {
      let named = 0
      for (let seed = 1; seed <= 400; seed++) {
        const random = noise(seed)
        if (grows(series((second) => 60 + (second / 468) * 8 + random() * 8 * share))) named++
      }
      assert.isAtLeast(named, 398, `of 400 with noise of ${share}`)
    }
  })

  it("reports leaks under normal noise as often as documented", () => {
    // The standard deviation of the noise as a share of the growth, and the fewest and the most of
    // 1,000 that are reported.
    for (const [share, fewest, most] of [
      [0.2, 985, 1_000],
      [0.25, 950, 990],
      [0.3, 810, 890],
      [0.4, 330, 430]
    ] as const) {
      const normal = normalNoise(11)
      const named = Array.from({ length: 1_000 }, () =>
        grows(series((second) => 60 + (second / 468) * 8 + normal() * 8 * share))
      ).filter((isNamed) => isNamed).length
      assert.isAtLeast(named, fewest, `of 1,000 with noise of ${share}`)
      assert.isAtMost(named, most, `of 1,000 with noise of ${share}`)
    }
  })

  it("reports a leak of a small share of the total", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = noise(seed)
      // 10 MiB more over the settled samples, on 400.
      assert.isTrue(grows(series((second) => 400 + (second / 468) * 10 + random(), 8)))
    }
  })

  it("does not report noise", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = noise(seed)
      assert.isFalse(grows(series(() => 60 + random() * 20)), `seed ${seed}`)
      assert.isFalse(grows(series(() => Math.round(10 + random()))), `seed ${seed}`)
    }
  })

  it("does not report a warm-up or a decrease", () => {
    const random = noise(7)
    assert.isFalse(grows(series((second) => 60 + 40 * (1 - Math.exp(-second / 60)) + random())))
    assert.isFalse(grows(series((second) => (second < 200 ? second : 200) + random())))
    assert.isFalse(grows(series((second) => 100 - second / 20 + random())))
  })

  it("does not report a saw tooth, at any end point, but one that climbs", () => {
    for (const period of [24, 60, 130, 240, 400]) {
      for (let phase = 0; phase < period; phase += 4) {
        const saw = (second: number) => 1_000 * (((second + phase) % period) / period)
        assert.isFalse(grows(series(saw)), `a period of ${period} seconds, ${phase} later`)
      }
    }
    assert.isTrue(grows(series((second) => 1_000 + ((second % 60) / 60) * 100 + second * 2)))
  })

  it("does not report a growth below the limit", () => {
    assert.isFalse(grows(series((second) => 60 + second / 1_000)))
    assert.isFalse(grows(series((second) => second / 100, 8)))
    assert.isTrue(grows(series((second) => second / 100, 4)))
    assert.include(tell({ ...series(() => 1), samples: [] }), "0 samples are too few")
  })
})
