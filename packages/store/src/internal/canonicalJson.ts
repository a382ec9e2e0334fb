/**
 * JSON text that is the same for equal values, whatever order their keys have.
 */
import * as Predicate from "effect/Predicate"

export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    Predicate.isObject(inner) && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )
