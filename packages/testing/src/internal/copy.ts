/**
 * Copies values of a domain, so that a law can detect changes in place.
 */
import * as Predicate from "effect/Predicate"

/** Copies plain objects and arrays at every depth; shares all other values. */
export const copy = <A>(value: A): A =>
  // The copy has the same fields as the value, with copies of their values.
  copied(value) as A

const copied = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copied)
  if (!Predicate.isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copied(field)]))
}
