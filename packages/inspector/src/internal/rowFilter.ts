/**
 * Conditions on rows as a person writes them: `status:draft`, `itemCount>=3`, `note!:null`.
 */
import type { Column } from "@daybook/projections/driver/StoredRow"
import type { Condition } from "@daybook/projections/driver/RowQuery"
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

/** Parses a condition on the columns of a table, or returns the reason why it is none. */
export const parse = (
  columns: ReadonlyArray<Column>,
  text: string
): Result.Result<Condition, string> => {
  const [, field = "", sign = "", written = ""] = CONDITION.exec(text) ?? []
  const is = IS[sign]
  if (is === undefined) {
    return Result.fail(`${text} is not a condition, such as status:draft or itemCount>=3`)
  }
  const column = columns.find((one) => one.field === field)
  if (column === undefined) return Result.fail(`${field} is not a field of the row`)
  if (column.type === "jsonb") return Result.fail(`${field} is JSON, which has no order`)
  if (written === "null" && (is === "equal" || is === "notEqual")) {
    return Result.succeed({ field, is, values: [null] })
  }
  return Result.map(valueOf(column, written), (value) => ({ field, is, values: [value] }))
}

const valueOf = ({ field, type }: Column, written: string): Result.Result<Schema.Json, string> => {
  const refused = (what: string) => Result.fail(`${field} is never ${written}, it is ${what}`)
  switch (type) {
    case "text":
      return Result.succeed(unquoted(written))
    case "uuid":
      return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(written)
        ? Result.succeed(written.toLowerCase())
        : refused("a UUID")
    case "bigint":
      return Number.isSafeInteger(Number(written)) && written.trim() !== ""
        ? Result.succeed(Number(written))
        : refused("a whole number")
    case "numeric":
      return /^-?\d{1,1000}$/.test(written)
        ? Result.succeed(String(BigInt(written)))
        : refused("a whole number")
    case "double precision":
      return Number.isFinite(Number(written)) && written.trim() !== ""
        ? Result.succeed(Number(written))
        : refused("a number")
    case "boolean":
      return written === "true" || written === "false"
        ? Result.succeed(written === "true")
        : refused("true or false")
    case "timestamptz": {
      const millis = Date.parse(written)
      return Number.isNaN(millis)
        ? refused("an instant such as 2026-11-26T15:00Z")
        : Result.succeed(new Date(millis).toISOString())
    }
    case "jsonb":
      return refused("JSON")
  }
}

/** A text in quotes is a JSON string: so the text `null` can be searched for. */
const unquoted = (written: string): string => {
  if (!written.startsWith('"')) return written
  const parsed = Result.try((): unknown => JSON.parse(written))
  return Result.isSuccess(parsed) && typeof parsed.success === "string" ? parsed.success : written
}
