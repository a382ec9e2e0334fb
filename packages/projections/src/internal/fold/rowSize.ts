/**
 * The size of a row as PostgreSQL sends it: a row larger than the client's limit could be written,
 * but never read.
 */
import type * as Schema from "effect/Schema"
import type { Column, StoredRow } from "../../driver/StoredRow.ts"

/** The overhead of a column in a message: its length stands before it. */
export const COLUMN_BYTES = 4

/** The maximum size of a value of fixed size: an instant, a UUID, a number. */
export const FIXED_BYTES = 16

/**
 * The maximum bytes of a JSON number as PostgreSQL writes it, which is without an exponent, with
 * the separator after it. A number that JavaScript also writes without an exponent has at most 17
 * digits, 5 zeros before them, a sign and a point, or 21 digits and a sign.
 */
const MAX_NUMBER_BYTES = 350
const MAX_PLAIN_NUMBER_BYTES = 28

/**
 * Returns an upper bound of the bytes of a row, mostly a few times too high: enough to see that a
 * row is small, at a fraction of the cost of measuring it.
 */
export const atMostBytes = (columns: ReadonlyArray<Column>, row: StoredRow): number => {
  let bytes = 0
  for (const { field, type } of columns) {
    const value = row[field]
    bytes += COLUMN_BYTES + FIXED_BYTES
    if (value === null || value === undefined) continue
    if (type === "jsonb") bytes += atMostJson(value)
    // A code unit of UTF-16 is three bytes of UTF-8 at most.
    else if (typeof value === "string") bytes += value.length * 3
  }
  return bytes
}

/** Returns an upper bound of the bytes of a value in JSON. */
export const atMostJson = (value: Schema.Json): number => {
  // A control character is six bytes of JSON, and the separator after a value is two.
  if (typeof value === "string") return value.length * 6 + 4
  if (typeof value === "number") {
    const size = Math.abs(value)
    return size === 0 || (size >= 1e-6 && size < 1e21) ? MAX_PLAIN_NUMBER_BYTES : MAX_NUMBER_BYTES
  }
  if (typeof value !== "object" || value === null) return 8
  let bytes = 4
  if (Array.isArray(value)) {
    for (const held of value as ReadonlyArray<Schema.Json>) bytes += atMostJson(held)
    return bytes
  }
  const object = value as { readonly [key: string]: Schema.Json }
  for (const key in object) bytes += key.length * 6 + 6 + atMostJson(object[key] ?? null)
  return bytes
}

/**
 * Returns the bytes of the rows, if they exceed `limit`. Rows are measured only if the cheap upper
 * bound exceeds it.
 */
export const bytesOver = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<StoredRow>,
  limit: number
): number | undefined => {
  const most = rows.reduce((sum, row) => sum + atMostBytes(columns, row), 0)
  if (most <= limit) return undefined
  const bytes = rows.reduce((sum, row) => sum + bytesOf(columns, row), 0)
  return bytes > limit ? bytes : undefined
}

/** Splits the rows, in order, into lists of at most `limit` bytes each, unless one row has more. */
export const shares = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<StoredRow>,
  limit: number
): ReadonlyArray<ReadonlyArray<StoredRow>> => {
  if (bytesOver(columns, rows, limit) === undefined) return [rows]
  const lists: Array<Array<StoredRow>> = []
  let left = 0
  for (const row of rows) {
    const bytes = bytesOf(columns, row)
    const last = lists.at(-1)
    if (last !== undefined && bytes <= left) last.push(row)
    else {
      lists.push([row])
      left = limit
    }
    left -= bytes
  }
  return lists
}

/**
 * Returns the bytes of a row as PostgreSQL sends it: texts in UTF-8, JSON in the output form of
 * `jsonb`.
 */
export const bytesOf = (columns: ReadonlyArray<Column>, row: StoredRow): number => {
  let bytes = 0
  for (const { field, type } of columns) {
    const value = row[field]
    bytes += COLUMN_BYTES
    if (value === null || value === undefined) continue
    if (type === "jsonb") bytes += 1 + jsonBytes(value)
    else if (type === "text" || type === "numeric") bytes += Buffer.byteLength(value as string)
    else bytes += type === "boolean" ? 1 : type === "uuid" ? 16 : 8
  }
  return bytes
}

/** Measures JSON as `jsonb` writes it, with a space after colons and commas: `{"a": 1, "b": 2}`. */
const jsonBytes = (value: Schema.Json): number => {
  if (typeof value === "string") return Buffer.byteLength(JSON.stringify(value))
  if (typeof value === "number") return numberBytes(value)
  if (typeof value !== "object" || value === null) return String(value).length
  if (Array.isArray(value)) {
    const list: ReadonlyArray<Schema.Json> = value
    return list.reduce<number>((sum, held) => sum + jsonBytes(held), separators(list.length))
  }
  const entries = Object.entries(value as { readonly [key: string]: Schema.Json })
  return entries.reduce(
    (sum, [key, held]) => sum + jsonBytes(key) + 2 + jsonBytes(held),
    separators(entries.length)
  )
}

const separators = (count: number): number => 2 + 2 * Math.max(0, count - 1)

/** Measures a number as `jsonb` writes it: `1e+21` is 1 and 21 zeros. */
const numberBytes = (value: number): number => {
  const text = String(value)
  const at = text.indexOf("e")
  if (at < 0) return text.length
  const exponent = Number(text.slice(at + 1))
  const sign = value < 0 ? 1 : 0
  if (exponent > 0) return sign + exponent + 1
  const digits = text.slice(sign, at).replace(".", "").length
  return sign + 1 - exponent + digits
}
