import { assert, describe, it } from "vitest"
import { counts, total } from "./test-counts.ts"

describe("test-counts", () => {
  const report = (
    numPassedTests: number,
    numFailedTests: number,
    testResults: ReadonlyArray<unknown> = []
  ) => JSON.stringify({ numPassedTests, numFailedTests, testResults })

  it("takes the counts of a report", () => {
    assert.deepStrictEqual(counts(report(12, 0)), { passed: 12, failed: 0 })
    const file = {
      status: "failed",
      assertionResults: [{ status: "failed" }, { status: "passed" }]
    }
    assert.deepStrictEqual(counts(report(1, 1, [file])), { passed: 1, failed: 1 })
  })

  it("counts a file that failed without a failed test", () => {
    const file = { status: "failed", assertionResults: [] }
    assert.deepStrictEqual(counts(report(1, 0, [file, file])), { passed: 1, failed: 2 })
  })

  it("adds up several runs", () => {
    assert.deepStrictEqual(total([counts(report(12, 1)), counts(report(3, 0)), counts("")]), {
      passed: 15,
      failed: 2
    })
  })

  it("counts a run without a report as failed", () => {
    assert.deepStrictEqual(counts(""), { passed: 0, failed: 1 })
  })
})
