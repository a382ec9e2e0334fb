import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { keyOf, sayKey, segmentsOf } from "../app/rowKey.ts"
import * as TimeAxis from "../app/timeAxis.ts"

const DAY = 86_400_000

describe("the axis of time", () => {
  it("has at most a dozen ticks, and holds every time", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 0, max: 40_000 * DAY }),
        FastCheck.integer({ min: 1, max: 40_000 * DAY }),
        FastCheck.constantFrom(0, 3_600_000, -19_800_000),
        (first, span, offset) => {
          const axis = TimeAxis.make(first, first + span, offset)
          assert.isAtMost(axis.ticks.length, 13)
          assert.isAtMost(axis.start, first)
          assert.isAtLeast(axis.end, first + span)
          assert.strictEqual(axis.ticks.at(-1), axis.end)
          const place = TimeAxis.place(axis, first + span)
          assert.isTrue(place >= 0 && place <= 100)
        }
      )
    )
  })

  it("begins days at midnight in the zone of the viewer", () => {
    const offset = 3_600_000
    const { start, step } = TimeAxis.make(Date.UTC(2026, 5, 1, 12), Date.UTC(2026, 5, 9), offset)
    assert.strictEqual(step, DAY)
    assert.strictEqual(start, Date.UTC(2026, 4, 31, 23))
  })

  it("counts the events that had happened, though their times are not in their order", () => {
    const reached = TimeAxis.reached([10, 30, 20, 40])
    assert.deepStrictEqual(reached, [10, 30, 30, 40])
    const counts = [9, 10, 25, 30, 50].map((at) => TimeAxis.countUpTo(reached, at))
    assert.deepStrictEqual(counts, [0, 1, 1, 3, 4])
  })

  it("labels the newest revision, and no neighbour that would touch it", () => {
    assert.deepStrictEqual(TimeAxis.labelled(5, 12), [0, 1, 2, 3, 4, 5])
    assert.deepStrictEqual(TimeAxis.labelled(37, 12), [0, 5, 10, 15, 20, 25, 30, 37])
    assert.strictEqual(TimeAxis.labelled(10_000, 12).at(-1), 10_000)
  })
})

describe("the key of a row in an address", () => {
  it("comes back as it was", () => {
    const value = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.integer(),
      FastCheck.boolean(),
      FastCheck.constantFrom("[", '["a"]', "", ".", "..", "a/b")
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(value, { minLength: 1, maxLength: 3 }), (values) => {
        const key = JSON.stringify(values)
        assert.strictEqual(keyOf(segmentsOf(key)), key)
      })
    )
  })

  it("is plain where it can be", () => {
    assert.deepStrictEqual(segmentsOf('["ada-wpdh"]'), ["ada-wpdh"])
    assert.strictEqual(sayKey('["ada", 3]'), "ada, 3")
  })
})
