import { assert, describe, it } from "@effect/vitest"
import { faultsOf, type Look } from "./soak/progress.ts"
import { report, wrong } from "./soak/report.ts"

/** 60 looks, one every 12 seconds, at a follower that takes 100 events between two of them. */
const looks = (change: (look: Look, index: number) => Partial<Look>): ReadonlyArray<Look> =>
  Array.from({ length: 60 }, (_, index) => {
    const look: Look = {
      second: 12 * index,
      at: BigInt(100 * (index + 1)),
      behind: 3,
      state: "up to date",
      lastError: ""
    }
    return { ...look, ...change(look, index) }
  })

const faults = (change: (look: Look, index: number) => Partial<Look>) =>
  faultsOf({ name: "demand", looks: looks(change) })

describe("The report of a soak on followers of the log", () => {
  it("finds no fault in a follower that keeps up, idle or not", () => {
    assert.deepStrictEqual(
      faults(() => ({})),
      []
    )
    assert.deepStrictEqual(
      faults(() => ({ at: 5n, behind: 0 })),
      []
    )
    // At the same place as the look before: 24 seconds are less than the limit for idleness.
    assert.deepStrictEqual(
      faults((_, index) => (index >= 10 && index < 12 ? { at: 1_000n, behind: 200 } : {})),
      []
    )
    assert.deepStrictEqual(
      faults((_, index) => (index === 10 ? { state: "waiting", behind: 0 } : {})),
      []
    )
  })

  it("reports a follower that stopped or was paused, even once, and the reason", () => {
    assert.deepStrictEqual(
      faults((_, index) => (index === 59 ? { state: "stopped" } : {})),
      ["demand is stopped"]
    )
    assert.deepStrictEqual(
      faults((_, index) => (index > 40 ? { state: "stopped", lastError: "not this one" } : {})),
      ["demand is stopped: not this one"]
    )
    assert.deepStrictEqual(
      faults((_, index) => (index === 3 ? { state: "paused" } : {})),
      ["demand is paused"]
    )
  })

  it("reports a follower that stands still while events wait, or that no host maintains", () => {
    assert.deepStrictEqual(
      faults((_, index) =>
        index >= 20 ? { at: 2_000n, behind: 100 * (index - 19), lastError: "no table" } : {}
      ),
      ["demand stands still and has 300 events left: no table"]
    )
    assert.deepStrictEqual(
      faults((_, index) => (index >= 20 ? { at: 2_000n, behind: 0, state: "waiting" } : {})),
      ["demand is maintained by no host"]
    )
  })

  it("reports a follower that is too far behind to count its events", () => {
    assert.deepStrictEqual(
      faults((_, index) => (index > 50 ? { behind: 10_000 } : { behind: 9_999 })),
      ["demand is 10000 events behind, or more"]
    )
  })

  it("reports a follower that never read an event", () => {
    assert.deepStrictEqual(
      faults(() => ({ at: 0n, behind: 0 })),
      ["demand never read an event"]
    )
    assert.deepStrictEqual(faultsOf({ name: "demand", looks: [] }), ["demand never read an event"])
  })

  it("reports a growing lag as growth, and all faults", () => {
    const lagging = looks((_, index) => ({ behind: 100 * index }))
    const soak = {
      series: [
        {
          name: "events left to demand",
          unit: "events",
          least: 1_000,
          samples: lagging.map(({ behind, second }) => ({ second, value: behind }))
        }
      ],
      followers: [{ name: "sums", looks: looks(() => ({ state: "stopped" })) }],
      commands: 6_000,
      events: 9_000,
      given: 7,
      errors: ["1 calls failed, the last with a timeout"]
    }
    const found = [
      "events left to demand grows",
      "sums is stopped",
      "1 calls failed, the last with a timeout"
    ]
    assert.deepStrictEqual(wrong(soak), found)
    const [figures, lag = "", ...rest] = report(soak)
    assert.strictEqual(figures, "6000 commands, 9000 events, 7 given to subscriptions")
    assert.match(lag, /^events left to demand: 3950 events, \+500\.0 a minute \(.*\) {2}GROWS$/)
    assert.deepStrictEqual(rest, ["what is wrong:", ...found])
    assert.deepStrictEqual(report({ ...soak, series: [], followers: [], errors: [] }), [
      "6000 commands, 9000 events, 7 given to subscriptions",
      "nothing grows, and all followers of the log keep up"
    ])
  })
})
