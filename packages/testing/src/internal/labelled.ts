/** Lines of a part of an example, the first after its label. */
export const labelled = (label: string, text: string): ReadonlyArray<string> =>
  text.split("\n").map((line, index) => `  ${(index === 0 ? label : "").padEnd(6)}${line}`)
