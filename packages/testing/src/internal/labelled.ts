/**
 * What failures of specifications say, in lines.
 */

/** Lines of a part of an example, the first after its label. */
export const labelled = (label: string, text: string): ReadonlyArray<string> =>
  text.split("\n").map((line, index) => `  ${(index === 0 ? label : "").padEnd(6)}${line}`)

/** What a specification that failed says: each example that did, and the tags without any. */
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
