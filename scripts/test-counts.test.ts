import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { counts, total } from "./test-counts.ts"

describe("test-counts", () => {
  const report = (
    numPassedTests: number,
    numFailedTests: number,
    testResults: ReadonlyArray<unknown> = []
  ) => JSON.stringify({ numPassedTests, numFailedTests, testResults })

  const name = Path.resolve("a.test.ts")

  it("takes the counts of a report, and names each test that failed", () => {
    assert.deepStrictEqual(counts(report(12, 0)), { passed: 12, failed: 0, failures: [] })
    const file = {
      name,
      status: "failed",
      assertionResults: [
        { status: "failed", fullName: "adds", failureMessages: ["Error: 3 is not 2\n  at a.ts:1"] },
        { status: "passed", fullName: "subtracts", failureMessages: [] }
      ]
    }
    assert.deepStrictEqual(counts(report(1, 1, [file])), {
      passed: 1,
      failed: 1,
      failures: ["FAILED a.test.ts: adds\n    Error: 3 is not 2\n      at a.ts:1"]
    })
  })

  it("counts a file that failed without a failed test, and names it", () => {
    const file = { name, status: "failed", message: "SyntaxError", assertionResults: [] }
    const failed = "FAILED a.test.ts: the whole file\n    SyntaxError"
    assert.deepStrictEqual(counts(report(1, 0, [file, file])), {
      passed: 1,
      failed: 2,
      failures: [failed, failed]
    })
  })

  it("cuts a message after 15 lines", () => {
    const message = Array.from({ length: 40 }, (_, index) => `line ${index + 1}`).join("\n")
    const file = { name, status: "failed", message, assertionResults: [] }
    const [failed] = counts(report(0, 0, [file])).failures
    assert.isTrue(failed?.endsWith("    line 15"))
  })

  it("adds up several runs", () => {
    assert.deepStrictEqual(total([counts(report(12, 1)), counts(report(3, 0)), counts("")]), {
      passed: 15,
      failed: 2,
      failures: ["FAILED: a run ended without a report"]
    })
  })

  it("counts a run without a report as failed", () => {
    assert.strictEqual(counts("").failed, 1)
  })
})
