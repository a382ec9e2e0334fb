/**
 * Compares two values, and lists their differences in lines.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import { renderSorted } from "./render.ts"

/** Compares by `Equal.equals`, but treats 0 and -0 as different, although JSON does not. */
export const same = (a: unknown, b: unknown): boolean => Equal.equals(a, b) && sameZeros(a, b)

/** Compares the zeros of two values that are equal otherwise. */
const sameZeros = (a: unknown, b: unknown): boolean => {
  if (a === 0) return Object.is(a, b)
  if (a === b || !Predicate.isObjectOrArray(a) || !Predicate.isObjectOrArray(b)) return true
  const other = new Map(Object.entries(b))
  return Object.entries(a).every(
    ([key, field]) => !other.has(key) || sameZeros(field, other.get(key))
  )
}

/** Throws an error that lists the differences, unless the two values are equal. */
export const expectSame = (actual: unknown, expected: unknown, what: string): void => {
  if (!same(actual, expected)) throw new Error(`${what}:\n${diff([expected], [actual])}`)
}

/**
 * Lists the lines of all values: those of `expected` alone after "-", those of `actual` alone after
 * "+".
 */
export const diff = (expected: ReadonlyArray<unknown>, actual: ReadonlyArray<unknown>): string =>
  diffLines(linesOf(expected), linesOf(actual))

const diffLines = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): string => {
  const lines = lineDiff(left, right)
  return lines.every((line) => line.startsWith(" "))
    ? [...lines, "(both read the same, but are of different classes)"].join("\n")
    : lines.join("\n")
}

/** The most lines of each value that a difference of two values shows. */
const MAX_LINES = 200

/** The lines around a difference that are shown with it. */
const CONTEXT = 3

/**
 * Lists the lines of two values as {@link diff}, around the lines that differ, for values of any
 * size.
 */
export const difference = (expected: unknown, actual: unknown): string => {
  const [left, right] = [linesOf([expected]), linesOf([actual])]
  const shorter = Math.min(left.length, right.length)
  let start = 0
  while (start < shorter && left[start] === right[start]) start++
  let end = 0
  while (end < shorter - start && left.at(-1 - end) === right.at(-1 - end)) end++
  const from = Math.max(0, start - CONTEXT)
  const part = (lines: ReadonlyArray<string>) =>
    lines.slice(from, Math.min(from + MAX_LINES, lines.length - Math.max(0, end - CONTEXT)))
  return diffLines(part(left), part(right))
}

const linesOf = (values: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  values.flatMap((value) => renderSorted(value).split("\n"))

/** Compares lines by their longest common subsequence. */
const lineDiff = (
  before: ReadonlyArray<string>,
  after: ReadonlyArray<string>
): ReadonlyArray<string> => {
  // lengths[i][j]: the length of the longest common subsequence of `before` from i and `after` from
  // j.
  const lengths = Array.from({ length: before.length + 1 }, () =>
    Array<number>(after.length + 1).fill(0)
  )
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0
  for (let i = before.length - 1; i >= 0; i--) {
    const row = lengths[i] ?? []
    for (let j = after.length - 1; j >= 0; j--) {
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: Array<string> = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push(`  ${before[i++]}`)
      j++
    } else if (i < before.length && (j === after.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`- ${before[i++]}`)
    } else {
      lines.push(`+ ${after[j++]}`)
    }
  }
  return lines
}
