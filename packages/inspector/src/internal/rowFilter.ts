/**
 * Conditions on rows as a person writes them: `status:draft`, `itemCount>=3`, `note!:null`.
 */
import { printableLine } from "@daybook/kernel/Printable"
import { comparable, type Condition } from "@daybook/projections/driver/RowQuery"
import type { Column, ColumnType } from "@daybook/projections/driver/StoredRow"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"

const CONDITION = /^([A-Za-z_$][\w$]*)(!:|:|<=|>=|<|>)(.*)$/s

const IS: Readonly<Record<string, Condition["is"]>> = {
  ":": "equal",
  "!:": "notEqual",
  "<": "below",
  "<=": "atMost",
  ">": "above",
  ">=": "atLeast"
}

/** The reason why a text is no condition, and the field at fault if it has one. */
export interface Refused {
  readonly field?: string
  readonly issue: string
}

/** Parses a condition on the columns of a table, or returns the reason why it is none. */
export const parse = (
  columns: ReadonlyArray<Column>,
  text: string
): Result.Result<Condition, Refused> => {
  const [, field = "", sign = "", written = ""] = CONDITION.exec(text) ?? []
  const is = IS[sign]
  if (is === undefined) {
    return Result.fail({
      issue: `${printableLine(text)} is not a condition, such as status:draft or itemCount>=3`
    })
  }
  const column = columns.find((one) => one.field === field)
  if (column === undefined) {
    const known = columns.filter(({ type }) => type !== "jsonb").map((one) => one.field)
    return Result.fail({ field, issue: `is not a field of the row, which has ${known.join(", ")}` })
  }
  if (column.type === "jsonb") return Result.fail({ field, issue: "is JSON, which has no order" })
  if (written === "null" && (is === "equal" || is === "notEqual")) {
    return Result.succeed({ field, is, values: [null] })
  }
  return Result.match(valueOf(column, written), {
    onSuccess: (value): Result.Result<Condition, Refused> =>
      Result.succeed({ field, is, values: [value] }),
    onFailure: () =>
      Result.fail({
        field,
        issue: `${printableLine(written)} is not allowed: it is ${ALLOWED[column.type]}`
      })
  })
}

const ALLOWED: Readonly<Record<ColumnType, string>> = {
  text: "text of well-formed Unicode without U+0000",
  uuid: "a UUID",
  bigint: `a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
  numeric: "a whole number",
  "double precision": "a number",
  boolean: "true or false",
  timestamptz: "an instant of the years 4713 BC to 275760, such as 2026-11-26T15:00Z",
  jsonb: "JSON"
}

/** Returns a written value as rows hold it. */
const valueOf = (column: Column, written: string): Result.Result<Schema.Json, unknown> =>
  Result.flatMap(
    Result.try(() => jsonOf(column.type, written)),
    (value) => comparable(column, value)
  )

const WHOLE = /^[+-]?\d{1,1000}$/
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
/** ISO 8601, since `Date` accepts other texts too, such as a word and a number. */
const INSTANT =
  /^(?:[+-]\d{6}|\d{4})-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)?$/

/** Returns the JSON of a written value; the text itself where it is no value of the type. */
const jsonOf = (type: ColumnType, written: string): Schema.Json => {
  switch (type) {
    case "text":
      return unquoted(written)
    case "uuid":
      return written.toLowerCase()
    case "bigint":
      return WHOLE.test(written) ? Number(written) : written
    case "numeric":
      return WHOLE.test(written) ? String(BigInt(written.replace(/^\+/, ""))) : written
    case "double precision":
      return NUMBER.test(written) ? Number(written) : written
    case "boolean":
      return written === "true" ? true : written === "false" ? false : written
    case "timestamptz":
      return INSTANT.test(written) ? new Date(written).toISOString() : written
    case "jsonb":
      return written
  }
}

/** A text in quotes is a JSON string: so the text `null` can be searched for. */
const unquoted = (written: string): string => {
  if (!written.startsWith('"')) return written
  const parsed = Result.try((): unknown => JSON.parse(written))
  return Result.isSuccess(parsed) && typeof parsed.success === "string" ? parsed.success : written
}
