/**
 * Formats the failures of specifications in lines.
 */

/** Formats a part of an example in lines, with the label before the first. */
export const labelled = (label: string, text: string): ReadonlyArray<string> =>
  text.split("\n").map((line, index) => `  ${(index === 0 ? label : "").padEnd(6)}${line}`)

/** Formats the failure of a specification: each failed example, and the tags without an example. */
export const failureText = (failed: {
  readonly specification: string
  readonly failures: ReadonlyArray<Error>
  readonly uncovered: ReadonlyArray<string>
}): string =>
  [
    `${failed.specification}:`,
    ...failed.failures.map(({ message }) => `\n${message}`),
    ...(failed.uncovered.length === 0 ? [] : [`\nno example of ${failed.uncovered.join(", ")}`])
  ].join("\n")
