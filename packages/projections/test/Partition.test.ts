import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { partitionCount, partitionOf } from "../src/internal/fold/partition.ts"

describe("Partitions", () => {
  it.effect("are from 1 to 1024", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* partitionCount(1), 1)
      assert.strictEqual(yield* partitionCount(1_024), 1_024)
      for (const parallelism of [0, -1, 1.5, 1_025, Number.NaN]) {
        const exit = yield* Effect.exit(partitionCount(parallelism))
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(error, RangeError)
        assert.strictEqual(
          error.message,
          `parallelism is ${parallelism}, allowed is a whole number from 1 to 1024`
        )
      }
    })
  )

  it("have the same rows for ever", () => {
    // The published FNV-1a hashes of the texts are 811c9dc5, e40c292c, bf9cf968.
    assert.deepStrictEqual(
      ["", "a", "foobar"].map((text) => partitionOf(text, 1_000)),
      [0x811c9dc5, 0xe40c292c, 0xbf9cf968].map((hash) => ((hash ^ (hash >>> 15)) >>> 0) % 1_000)
    )
    assert.deepStrictEqual(
      ['["tea"]', '["mug"]', '["a",1]', '["\u{1fad6}"]'].map((text) => partitionOf(text, 8)),
      [3, 4, 0, 4]
    )
  })

  it("have each about as many rows", () => {
    const rows = Array.from({ length: 8 }, () => 0)
    for (let n = 0; n < 8_000; n++) {
      const partition = partitionOf(JSON.stringify([`order-${n}`]), 8)
      rows[partition] = (rows[partition] ?? 0) + 1
    }
    for (const count of rows) assert.approximately(count, 1_000, 150)
  })
})
