/**
 * Prints `N passed, N failed` from a report of Vitest's, the last line of a CI run.
 *
 * A test file that failed before any test of it ran counts as one failure; so does a run that ended
 * without a report.
 */
import * as Fs from "node:fs"

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string }>
  }>
}

/** The counts in the text of a report. */
export const counts = (report: string): { readonly passed: number; readonly failed: number } => {
  if (report === "") return { passed: 0, failed: 1 }
  // The shape that Vitest documents for its JSON reporter, which is Jest's.
  const { numFailedTests, numPassedTests, testResults } = JSON.parse(report) as Report
  const brokenFiles = testResults.filter(
    ({ assertionResults, status }) =>
      status === "failed" && assertionResults.every((test) => test.status !== "failed")
  )
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles.length }
}

if (import.meta.main) {
  const { failed, passed } = counts(Fs.readFileSync(process.argv[2] ?? "", "utf8"))
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0 || passed === 0) process.exitCode = 1
}
