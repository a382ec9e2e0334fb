/**
 * Lists of texts that are compared, and values as such texts.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

export const sameList = (actual: ReadonlyArray<string>, expected: ReadonlyArray<string>): boolean =>
  actual.length === expected.length && actual.every((one, index) => one === expected[index])

/** How a list differs from what it must be. */
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

/** The text of a JSON value with the fields of objects in one order. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : typeof inner === "bigint"
        ? String(inner)
        : inner
  )

/** Rows as texts that can be compared, in their order; the failure of what is no row: why. */
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
