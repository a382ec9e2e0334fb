/**
 * Writes JSON that every store can return unchanged, and refuses other values.
 *
 * Laws, for every value that is not refused:
 *
 * 1. `JSON.parse(encode(value))` is deeply equal to `value`, -0 and own `__proto__` keys included.
 * 2. PostgreSQL's `json` and `text` types accept the text.
 */
import * as Result from "effect/Result"
import type { NotJson } from "../../EventStore.ts"

/**
 * The reason why a value has no text, or too long a one. `path`: the keys and indexes that lead to
 * it.
 */
export type Refused =
  | { readonly _tag: "NotJson"; readonly path: ReadonlyArray<string>; readonly found: NotJson }
  | { readonly _tag: "TooLarge"; readonly bytes: number }

/**
 * The multiple of its limit up to which a value is measured; then the walk stops and reports the
 * bytes so far. A small graph of shared objects may stand for more text than V8 can hold in one
 * string.
 */
const GIVE_UP_FACTOR = 8

/** A JSON text and its size in UTF-8. */
export interface Encoded {
  readonly text: string
  readonly bytes: number
}

/**
 * Returns the JSON text of `value` if it has at most `maxBytes` in UTF-8 and nests at most
 * `maxDepth` deep.
 */
export const encode = (
  value: unknown,
  limits: { readonly maxBytes: number; readonly maxDepth: number }
): Result.Result<Encoded, Refused> => {
  const walk: Walk = { bytes: 0, maxBytes: limits.maxBytes * GIVE_UP_FACTOR, path: [] }
  const found = check(value, limits.maxDepth, walk)
  if (found === "too large") return Result.fail({ _tag: "TooLarge", bytes: walk.bytes })
  if (found !== undefined) {
    return Result.fail({ _tag: "NotJson", path: walk.path.reverse(), found })
  }
  // Native code writes and measures faster than the walk could, so the walk only looks for
  // refusals.
  const text = JSON.stringify(value)
  const bytes = Buffer.byteLength(text)
  return bytes > limits.maxBytes
    ? Result.fail({ _tag: "TooLarge", bytes })
    : Result.succeed({ text, bytes })
}

interface Walk {
  /** A lower bound of the size of the text. */
  bytes: number
  readonly maxBytes: number
  /** Filled from the innermost key outwards, and only on the way back from a refused value. */
  readonly path: Array<string>
}

const check = (value: unknown, depth: number, walk: Walk): NotJson | "too large" | undefined => {
  walk.bytes += typeof value === "string" ? value.length : 1
  if (walk.bytes > walk.maxBytes) return "too large"
  switch (typeof value) {
    case "string":
      return checkString(value)
    case "number":
      return checkNumber(value)
    case "boolean":
      return undefined
    case "object": {
      if (value === null) return undefined
      // A cycle ends here too, since it is deeper than any limit.
      if (depth === 0) return "deeper nesting than allowed"
      return Array.isArray(value)
        ? checkArray(value, depth - 1, walk)
        : checkObject(value, depth - 1, walk)
    }
    default:
      // The four remaining types are named as in `NotJson`.
      return typeof value as "undefined" | "function" | "symbol" | "bigint"
  }
}

const checkString = (text: string): NotJson | undefined => {
  if (text.includes("\0")) return "U+0000"
  return text.isWellFormed() ? undefined : "a lone surrogate"
}

const checkNumber = (number: number): NotJson | undefined => {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : "Infinity"
  if (Object.is(number, -0)) return "-0"
  return Number.isInteger(number) && !Number.isSafeInteger(number)
    ? "an integer past 2^53 - 1"
    : undefined
}

const checkArray = (array: ReadonlyArray<unknown>, depth: number, walk: Walk) => {
  const prototype: unknown = Object.getPrototypeOf(array)
  if (prototype !== Array.prototype || speaksForItself(array)) return "an object that is not plain"
  for (let index = 0; index < array.length; index++) {
    const item = array[index]
    const found =
      item === undefined && !(index in array) ? "a sparse array" : check(item, depth, walk)
    if (found !== undefined) {
      walk.path.push(String(index))
      return found
    }
  }
  // JSON has no place for other properties of an array, such as those of the result of RegExp.exec.
  return Object.keys(array).length === array.length ? undefined : "an object that is not plain"
}

/** Returns true if JSON.stringify would write another value in its place. */
const speaksForItself = (object: object): boolean =>
  "toJSON" in object && typeof object.toJSON === "function"

const checkObject = (object: object, depth: number, walk: Walk) => {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return "an object that is not plain"
  if (Object.getOwnPropertySymbols(object).length > 0) return "symbol"
  for (const key of Object.keys(object)) {
    walk.bytes += key.length
    // An own key reads the object's own value, even if it is `__proto__`.
    const value: unknown = object[key as keyof typeof object]
    const found = checkString(key) ?? check(value, depth, walk)
    if (found !== undefined) {
      walk.path.push(key)
      return found
    }
  }
  return speaksForItself(object) ? "an object that is not plain" : undefined
}
