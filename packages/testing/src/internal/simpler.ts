/**
 * Simplifies a generated value, for a failure that people can read.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** Lists shorter versions of a list: first without long stretches, then without single elements. */
export const shorter = <A>(list: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const found: Array<ReadonlyArray<A>> = []
  for (
    let size = Math.ceil(list.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < list.length; from += size) {
      found.push([...list.slice(0, from), ...list.slice(from + size)])
    }
  }
  return found
}

/** Builds a function that lists the values of `schema` with one simpler leaf. */
export const simpler = <A>(schema: Schema.Codec<A, unknown>): ((value: A) => ReadonlyArray<A>) => {
  const fits = Schema.is(Schema.toType(schema))
  return (value) => variants(value).filter(fits)
}

const variants = (value: unknown): ReadonlyArray<unknown> => {
  if (typeof value === "bigint") return numbers(value, 0n, 1n, value / 2n, value - 1n)
  if (typeof value === "number") return numbers(value, 0, 1, Math.trunc(value / 2), value - 1)
  if (typeof value === "string") return texts(value)
  if (Array.isArray(value)) {
    const list: ReadonlyArray<unknown> = value
    return [
      ...shorter(list),
      ...list.flatMap((element, index) => variants(element).map((other) => list.with(index, other)))
    ]
  }
  if (!Predicate.isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return []
  return Object.entries(value).flatMap(([key, field]) =>
    key === "_tag" ? [] : variants(field).map((other) => ({ ...value, [key]: other }))
  )
}

/** Each number is nearer to 0, so that simplifying ends. */
const numbers = <N extends number | bigint>(
  value: N,
  ...others: ReadonlyArray<N>
): ReadonlyArray<N> => {
  const distance = (n: N) => (n < 0 ? -n : n)
  return others.filter((other) => distance(other) < distance(value))
}

const texts = (value: string): ReadonlyArray<string> =>
  ["", "a", value.slice(0, Math.trunc(value.length / 2)), value.slice(1)].filter(
    (other) => other.length < value.length || (other.length === value.length && other < value)
  )
