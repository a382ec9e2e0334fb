/**
 * The differences of two JSON values, by path.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { Listing } from "./listing.ts"

/** A place where two values differ; undefined where a value has no such place. */
export interface Difference {
  /** The keys and indexes from the root, such as `lines.0.price`; empty for the root. */
  readonly path: string
  readonly before: Schema.Json | undefined
  readonly after: Schema.Json | undefined
}

/** Returns the innermost differences, in the order of the keys. */
export const between = (
  before: Schema.Json | undefined,
  after: Schema.Json | undefined,
  path = ""
): ReadonlyArray<Difference> => {
  if (Equal.equals(before, after)) return []
  if (
    !isComposite(before) ||
    !isComposite(after) ||
    Array.isArray(before) !== Array.isArray(after)
  ) {
    return [{ path, before, after }]
  }
  const [old, next] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((key) =>
    between(old.get(key), next.get(key), path === "" ? key : `${path}.${key}`)
  )
}

const isComposite = (
  value: Schema.Json | undefined
): value is ReadonlyArray<Schema.Json> | Schema.JsonObject => Predicate.isObjectOrArray(value)

/** Returns a value as JSON; nothing for an absent one. */
export const textOf = (value: Schema.Json | undefined): string =>
  value === undefined ? "" : JSON.stringify(value)

export const listing: Listing<Difference> = {
  columns: [
    { title: "path", of: ({ path }) => path },
    { title: "before", of: ({ before }) => textOf(before) },
    { title: "after", of: ({ after }) => textOf(after) }
  ],
  id: ({ path }) => path,
  json: ({ after, before, path }) => ({
    path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after })
  })
}
