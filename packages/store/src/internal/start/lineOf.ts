/**
 * What came out of something as a line of text, which is the same for equal values, whatever order their
 * keys have.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/** The messages of errors are for people, and may change where what fails does not. */
export const lineOf = (result: Result.Result<unknown, unknown>): string =>
  Result.isSuccess(result) ? canonicalJson(result.success) : "failed"

const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    Predicate.isObject(inner) && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )
