/**
 * Prints `N passed, N failed` from reports of Vitest, the last line of a CI run.
 *
 * A test file that failed before any of its tests ran counts as one failure; so does a run that
 * ended without a report.
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

/** Reads the counts from the text of a report. */
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

/** Adds the counts of several runs. */
export const total = (
  runs: ReadonlyArray<ReturnType<typeof counts>>
): ReturnType<typeof counts> => ({
  passed: runs.reduce((sum, { passed }) => sum + passed, 0),
  failed: runs.reduce((sum, { failed }) => sum + failed, 0)
})

if (import.meta.main) {
  const { failed, passed } = total(
    process.argv.slice(2).map((file) => counts(Fs.readFileSync(file, "utf8")))
  )
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0 || passed === 0) process.exitCode = 1
}
