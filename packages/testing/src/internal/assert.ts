/**
 * The assertions of the programs behind laws, by their usual names. One that does not hold throws a
 * {@link Violation}, which ends its program and becomes the problem of the law: no test runner is
 * needed.
 */
import * as Data from "effect/Data"
import { isDeepStrictEqual } from "node:util"
import { difference } from "./differences.ts"
import { renderLine } from "./render.ts"

/** An assertion that does not hold, with the facts in its message. */
class Violation extends Data.TaggedError("Violation")<{ readonly message: string }> {}

export const fail = (message: string): never => {
  throw new Violation({ message })
}

/** Throws unless `holds`; the facts come after what the assertion is about, if it says that. */
const check = (holds: boolean, what: string | undefined, facts: () => string): void => {
  if (!holds) fail(what === undefined ? facts() : `${what}: ${facts()}`)
}

export function isTrue(value: boolean, what?: string): asserts value {
  check(value, what, () => "expected true, got false")
}

export function isFalse(value: boolean, what?: string): asserts value is false {
  check(!value, what, () => "expected false, got true")
}

export function isUndefined(value: unknown, what?: string): asserts value is undefined {
  check(value === undefined, what, () => `expected nothing, got ${renderLine(value)}`)
}

export function instanceOf<A>(
  value: unknown,
  constructor: abstract new (...args: ReadonlyArray<never>) => A,
  what?: string
): asserts value is A {
  check(
    value instanceof constructor,
    what,
    () => `expected a value of ${constructor.name}, got ${renderLine(value)}`
  )
}

export const strictEqual = <A>(actual: A, expected: A, what?: string): void =>
  check(
    Object.is(actual, expected),
    what,
    () => `expected ${renderLine(expected)}, got ${renderLine(actual)}`
  )

export const notStrictEqual = (actual: unknown, other: unknown, what?: string): void =>
  check(!Object.is(actual, other), what, () => `expected another value than ${renderLine(other)}`)

/**
 * Copies a value with the usual prototype for objects that have none, at every depth: generators of
 * JSON make them, databases give back plain ones, and both say the same.
 */
const withPrototype = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withPrototype)
  if (typeof value !== "object" || value === null || holdsHiddenState(value)) return value
  const fields = Object.entries(Object.getOwnPropertyDescriptors(value)).map(
    ([key, field]) => [key, { ...field, ...valueOf(field) }] as const
  )
  const prototype = Object.getPrototypeOf(value) as object | null
  return Object.create(prototype ?? Object.prototype, Object.fromEntries(fields))
}

const valueOf = (field: PropertyDescriptor) =>
  "value" in field ? { value: withPrototype(field.value) } : {}

/** Returns true for an object that a copy of its properties does not describe. */
const holdsHiddenState = (value: object): boolean =>
  value instanceof Date ||
  value instanceof Map ||
  value instanceof Set ||
  value instanceof Error ||
  ArrayBuffer.isView(value)

const isSame = (actual: unknown, expected: unknown): boolean =>
  isDeepStrictEqual(actual, expected) ||
  isDeepStrictEqual(withPrototype(actual), withPrototype(expected))

/** Compares class, keys and values at every depth, and tells 0 from -0. */
export const deepStrictEqual = <A>(actual: A, expected: A, what?: string): void =>
  check(
    isSame(actual, expected),
    what,
    () => `expected the lines after "-", got those after "+"\n${difference(expected, actual)}`
  )

/** Compares two lists as {@link deepStrictEqual}, in any order. */
export const sameDeepMembers = <A>(
  actual: ReadonlyArray<A>,
  expected: ReadonlyArray<A>,
  what?: string
): void => {
  const left = [...expected]
  for (const member of actual) {
    const index = left.findIndex((other) => isSame(member, other))
    if (index === -1) return deepStrictEqual(actual, expected, what)
    left.splice(index, 1)
  }
  if (left.length > 0) deepStrictEqual(actual, expected, what)
}

/** Compares the fields of `expected`. Others may be there. */
export const deepInclude = (
  actual: object,
  expected: Readonly<Record<string, unknown>>,
  what?: string
): void => {
  const fields = Object.entries(actual).filter(([key]) => Object.hasOwn(expected, key))
  deepStrictEqual<unknown>(Object.fromEntries(fields), expected, what)
}

export const lengthOf = (list: { readonly length: number }, length: number, what?: string): void =>
  check(list.length === length, what, () => `expected a length of ${length}, got ${list.length}`)

export const isNotEmpty = (list: { readonly length: number }, what?: string): void =>
  check(list.length > 0, what, () => "expected a list that is not empty")

export const include = <A>(list: ReadonlyArray<A>, member: A, what?: string): void =>
  check(
    list.includes(member),
    what,
    () => `expected ${renderLine(member)} among ${renderLine(list)}`
  )

export const isAbove = (value: number, bound: number, what?: string): void =>
  check(value > bound, what, () => `expected more than ${bound}, got ${value}`)

export const isAtLeast = (value: number, bound: number, what?: string): void =>
  check(value >= bound, what, () => `expected at least ${bound}, got ${value}`)

export const isBelow = (value: number, bound: number, what?: string): void =>
  check(value < bound, what, () => `expected less than ${bound}, got ${value}`)

export const isAtMost = (value: number, bound: number, what?: string): void =>
  check(value <= bound, what, () => `expected at most ${bound}, got ${value}`)
