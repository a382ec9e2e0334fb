/**
 * Compares lists of texts, and renders values as such texts.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

export const sameList = (actual: ReadonlyArray<string>, expected: ReadonlyArray<string>): boolean =>
  actual.length === expected.length && actual.every((one, index) => one === expected[index])

/** Describes the difference between a list and the expected one. */
export const listDifference = (
  actual: ReadonlyArray<string>,
  expected: ReadonlyArray<string>
): string => {
  const lacks = expected.filter((one) => !actual.includes(one))
  const extra = actual.filter(
    (one, index) => !expected.includes(one) || actual.indexOf(one) !== index
  )
  if (lacks.length + extra.length === 0) return "has all in another order"
  return `lacks ${lacks.length} (${lacks.slice(0, 3).join(", ")}) and has ${extra.length} too many (${extra.slice(0, 3).join(", ")})`
}

/** Renders a JSON value with the fields of objects in one order. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : typeof inner === "bigint"
        ? String(inner)
        : inner
  )

/** Renders rows as comparable texts, in order; fails with the reason that a value is not a row. */
export const rowTexts = (
  { row }: Projection.Any,
  rows: ReadonlyArray<unknown>
): Result.Result<ReadonlyArray<string>, string> => {
  const encode = Schema.encodeUnknownResult(Schema.toCodecJson(row))
  return Result.mapBoth(Result.all(rows.map((one) => encode(one))), {
    onSuccess: (encoded) => encoded.map(canonical).toSorted(),
    onFailure: ({ message }) => message
  })
}
