/**
 * Returns a result as a line of text, which is the same for equal values, regardless of key order.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/** Omits the messages of errors, which may change while the failing behaviour does not. */
export const lineOf = (result: Result.Result<unknown, unknown>): string =>
  Result.isSuccess(result) ? canonicalJson(result.success) : "failed"

const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    Predicate.isObject(inner) && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )
