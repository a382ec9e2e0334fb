/** The difference of two texts by line. */

/** Longer texts are shown without marks: the comparison takes the product of their lengths. */
const MAX_LINES = 1000

/** The lines of each text that the other one lacks, by index. */
export interface LineDifference {
  readonly before: ReadonlySet<number>
  readonly after: ReadonlySet<number>
}

/** Compares texts by their longest common subsequence of lines. */
export const compareLines = (
  before: ReadonlyArray<string>,
  after: ReadonlyArray<string>
): LineDifference => {
  if (before.length > MAX_LINES || after.length > MAX_LINES) {
    return { before: new Set(), after: new Set() }
  }
  const width = after.length + 1
  // The length of the longest common subsequence of what follows each pair of lines.
  const common = new Uint16Array((before.length + 1) * width)
  const at = (one: number, other: number): number => common[one * width + other] ?? 0
  for (let one = before.length - 1; one >= 0; one -= 1) {
    for (let other = after.length - 1; other >= 0; other -= 1) {
      common[one * width + other] =
        before[one] === after[other]
          ? at(one + 1, other + 1) + 1
          : Math.max(at(one + 1, other), at(one, other + 1))
    }
  }
  const [removed, added] = [new Set<number>(), new Set<number>()]
  let [one, other] = [0, 0]
  while (one < before.length || other < after.length) {
    if (one < before.length && other < after.length && before[one] === after[other]) {
      one += 1
      other += 1
    } else if (
      other >= after.length ||
      (one < before.length && at(one + 1, other) >= at(one, other + 1))
    ) {
      removed.add(one)
      one += 1
    } else {
      added.add(other)
      other += 1
    }
  }
  return { before: removed, after: added }
}
