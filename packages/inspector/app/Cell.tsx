/** A value of a row in a cell of a table. */
import type { ReadModelHead } from "@daybook/inspector/ReadModelAnswer"
import type { Json } from "./difference.ts"
import { isFields } from "./difference.ts"
import { sayNumber, sayValue } from "./Json.tsx"
import type { Form } from "./Time.tsx"
import { Time } from "./Time.tsx"

export type Column = ReadModelHead["columns"][number]

const numeric = new Set(["bigint", "numeric", "double precision"])

export const isNumeric = (column: Column): boolean => numeric.has(column.type)

/** Says a value in few characters: a list by its length, an object by the number of its fields. */
const sayShort = (value: Json | undefined, column: Column): string => {
  if (value === null || value === undefined) return "·"
  if (Array.isArray(value)) return `[${value.length}]`
  if (isFields(value)) return `{${Object.keys(value).length}}`
  if (isNumeric(column) && typeof value === "string" && /^-?\d+$/.test(value)) {
    return sayNumber(BigInt(value))
  }
  return sayValue(value)
}

const timeOf = (value: Json | undefined, column: Column): number | undefined => {
  if (column.type !== "timestamptz" || typeof value !== "string") return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}

export const Cell = ({
  value,
  column,
  form
}: {
  readonly value: Json | undefined
  readonly column: Column
  readonly form: Form
}) => {
  const at = timeOf(value, column)
  return at === undefined ? sayShort(value, column) : <Time at={at} form={form} />
}

/** True if both values read the same although they differ, as lists of one length do. */
export const readsSame = (
  before: Json | undefined,
  after: Json | undefined,
  column: Column
): boolean => sayShort(before, column) === sayShort(after, column)
