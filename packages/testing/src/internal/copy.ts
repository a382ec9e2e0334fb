/**
 * Copies of what domains are made of, for a look at whether they were changed in place.
 */
import * as Predicate from "effect/Predicate"

/** A copy of plain objects and arrays all the way down; all other values are shared. */
export const copy = <A>(value: A): A =>
  // The copy has the fields of the value, and they are copies of its fields' values.
  copied(value) as A

const copied = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copied)
  if (!Predicate.isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copied(field)]))
}
