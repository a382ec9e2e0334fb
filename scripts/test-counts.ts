/**
 * Prints what failed in reports of Vitest, then `N passed, N failed`, the last line of a CI run.
 *
 * A test file that failed before any of its tests ran counts as one failure; so does a run that
 * ended without a report.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

interface Counts {
  readonly passed: number
  readonly failed: number
  /** The failures: of each the file, the test and the beginning of its message. */
  readonly failures: ReadonlyArray<string>
}

/** The lines of a failure's message that are printed. */
const MESSAGE_LINES = 15

const failure = (file: string, test: string, message: string): string =>
  [
    `FAILED ${Path.relative(process.cwd(), file)}: ${test}`,
    ...message.split("\n").slice(0, MESSAGE_LINES)
  ].join("\n    ")

/** Reads the counts and the failures from the text of a report. */
export const counts = (report: string): Counts => {
  if (report === "") {
    return { passed: 0, failed: 1, failures: ["FAILED: a run ended without a report"] }
  }
  // The shape that Vitest documents for its JSON reporter, which is Jest's.
  const { numFailedTests, numPassedTests, testResults } = JSON.parse(report) as Report
  const failedTests = testResults.flatMap(({ assertionResults, name }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map((test) => failure(name, test.fullName, test.failureMessages.join("\n")))
  )
  const brokenFiles = testResults
    .filter(
      ({ assertionResults, status }) =>
        status === "failed" && assertionResults.every((test) => test.status !== "failed")
    )
    .map(({ message, name }) => failure(name, "the whole file", message))
  return {
    passed: numPassedTests,
    failed: numFailedTests + brokenFiles.length,
    failures: [...failedTests, ...brokenFiles]
  }
}

/** Adds the counts of several runs. */
export const total = (runs: ReadonlyArray<Counts>): Counts => ({
  passed: runs.reduce((sum, { passed }) => sum + passed, 0),
  failed: runs.reduce((sum, { failed }) => sum + failed, 0),
  failures: runs.flatMap(({ failures }) => failures)
})

if (import.meta.main) {
  const { failed, failures, passed } = total(
    process.argv.slice(2).map((file) => counts(Fs.readFileSync(file, "utf8")))
  )
  for (const each of failures) console.log(each)
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0 || passed === 0) process.exitCode = 1
}
