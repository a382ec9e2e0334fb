/**
 * Selects and orders rows in memory as PostgreSQL does.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { Condition, RowQuery } from "./RowQuery.ts"
import type { Any as AnyTable } from "./ReadModelTable.ts"
import type { Column, ColumnType, StoredRow } from "./StoredRow.ts"

const typesOf = (table: AnyTable) =>
  new Map(table.columns.map(({ field, type }) => [field, type] as const))

/**
 * Returns the order of a query, down to the primary key: no two rows are equal in it.
 *
 * @category operations
 * @since 0.1.0
 */
export const rowOrder = (
  table: AnyTable,
  orderBy: RowQuery["orderBy"]
): ((a: StoredRow, b: StoredRow) => number) => {
  const typeOf = typesOf(table)
  const order = [
    ...orderBy,
    ...table.primaryKey.map(({ field }: Column) => ({ field, direction: "asc" as const }))
  ]
  return (a, b) => {
    for (const { direction, field } of order) {
      const compared = compare(typeOf.get(field), a[field] ?? null, b[field] ?? null)
      if (compared !== 0) return direction === "asc" ? compared : -compared
    }
    return 0
  }
}

/**
 * Returns the rows that a query selects, in its order.
 *
 * @category operations
 * @since 0.1.0
 */
export const selectRows = (
  table: AnyTable,
  rows: Iterable<StoredRow>,
  { after, limit, orderBy, where }: RowQuery
): ReadonlyArray<StoredRow> => {
  const typeOf = typesOf(table)
  const compareRows = rowOrder(table, orderBy)
  const selected = Array.from(rows)
    .filter((row) => where.every((condition) => holds(typeOf.get(condition.field), row, condition)))
    .toSorted(compareRows)
  const rest = Option.isNone(after)
    ? selected
    : selected.filter((row) => compareRows(row, after.value) > 0)
  return Option.isNone(limit) ? rest : rest.slice(0, limit.value)
}

const holds = (
  type: ColumnType | undefined,
  row: StoredRow,
  { field, is, values }: Condition
): boolean => {
  const value = row[field] ?? null
  const equal = values.some((other) => compare(type, value, other) === 0)
  if (is === "equal" || is === "oneOf") return equal
  if (is === "notEqual") return !equal
  const [bound] = values
  if (value === null || bound === undefined || bound === null) return false
  const compared = compare(type, value, bound)
  switch (is) {
    case "below":
      return compared < 0
    case "atMost":
      return compared <= 0
    case "above":
      return compared > 0
    case "atLeast":
      return compared >= 0
  }
}

/** Compares two values of one column; `null` is the last, as in PostgreSQL. */
const compare = (type: ColumnType | undefined, a: Schema.Json, b: Schema.Json): number => {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  // Stored values have the JSON form of their column's type.
  switch (type) {
    case "numeric": {
      const [one, other] = [BigInt(a as string), BigInt(b as string)]
      return one < other ? -1 : one > other ? 1 : 0
    }
    // Not compared as texts: the texts of far years have a sign.
    case "timestamptz":
      return Math.sign(Date.parse(a as string) - Date.parse(b as string))
    case "text":
    case "uuid":
      // By the bytes of UTF-8, which is by code points; UTF-16 orders astral characters before
      // U+E000.
      return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
    case "bigint":
    case "double precision":
    case "boolean":
      return Math.sign(Number(a) - Number(b))
    case "jsonb":
    case undefined:
      return Equal.equals(a, b) ? 0 : 1
  }
}
