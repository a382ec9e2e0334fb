/**
 * Bounds the growth of a row by an event, and checks without encoding that the row can be stored.
 *
 * The row after each event must be storable, or the end of a batch would decide whether an event
 * can be folded. Encoding a row with a list of 10,000 elements would visit all of them for each
 * event, so a value that the earlier row has too is not visited again.
 */
import * as CompiledSchema from "@daybook/kernel/CompiledSchema"
import type { RowSchema } from "@daybook/kernel/Projection"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Column } from "../../driver/StoredRow.ts"
import { roomFor } from "./indexSize.ts"
import { isStorable } from "./instants.ts"
import { added } from "./listChange.ts"
import { storedValue, textIssue } from "./rowCodec.ts"
import { atMostJson, COLUMN_BYTES, FIXED_BYTES } from "./rowSize.ts"

/**
 * Returns an upper bound of the bytes by which `row` is larger than `before`, from which it was
 * made; without `before`, of its size. Infinite for a row that may have no stored form, which only
 * encoding it decides.
 */
export type Growth<Row> = (row: Row, before?: Row) => number

type Size = (value: unknown, before: unknown) => number

const UNKNOWN = Number.POSITIVE_INFINITY

/** Makes the growth of a table's rows. `indexes`: those in which rows must fit. */
export const make = <Row>(
  schema: RowSchema<Row>,
  columns: ReadonlyArray<Column>,
  indexes: ReadonlyArray<ReadonlyArray<Column>>
): Growth<Row> => {
  const fields: { readonly [field: string]: Schema.Constraint } = schema.fields
  const sizes: ReadonlyArray<readonly [field: string, size: Size]> = columns.flatMap((column) => {
    const of = fields[column.field]
    return of === undefined
      ? []
      : [[column.field, listSize(of, column) ?? valueSize(of, column, roomFor(indexes, column))]]
  })
  const fixed = columns.length * (COLUMN_BYTES + FIXED_BYTES)
  return (row, before) => {
    let bytes = before === undefined ? fixed : 0
    const values = row as { readonly [field: string]: unknown }
    const known = before as { readonly [field: string]: unknown } | undefined
    for (const [field, size] of sizes) {
      const value = values[field]
      if (value === undefined || value === null) continue
      const was = known?.[field]
      if (!Object.is(value, was)) bytes += size(value, was)
    }
    return bytes
  }
}

/** Measures only the new elements of a list, unless the list is stored as something else. */
const listSize = ({ ast }: Schema.Constraint, column: Column): Size | undefined => {
  if (!SchemaAST.isArrays(ast) || ast.encoding !== undefined || ast.elements.length > 0) {
    return undefined
  }
  const [element, ...more] = ast.rest
  if (element === undefined || more.length > 0) return undefined
  const of = Schema.make<Schema.Codec<unknown, unknown>>(element)
  const size = valueSize(of, { ...column, nullable: true }, UNKNOWN)
  return (value, before) => {
    if (!Array.isArray(value)) return UNKNOWN
    let bytes = 4
    for (const held of added(value, before)) bytes += size(held, undefined)
    return bytes
  }
}

/**
 * Measures a value that is its own JSON directly, and encodes any other. `room`: the bytes that an
 * index has for it at least.
 */
const valueSize = (schema: Schema.Constraint, column: Column, room: number): Size => {
  // The fields of a `RowSchema` need no services.
  const json = Schema.toCodecJson(schema as Schema.Top as Schema.Codec<unknown, unknown>)
  const isJson = Schema.toType(json).ast === json.ast
  const encode = isJson ? Result.succeed : Schema.encodeUnknownResult(CompiledSchema.make(json))
  const scalar = isJson ? jsonScalarSize : isStoredAsUsual(schema.ast) ? usualSize : undefined
  return (value) => {
    const known = scalar?.(value, column)
    if (known !== undefined && known <= room) return known
    try {
      const encoded = encode(value)
      if (Result.isFailure(encoded)) return UNKNOWN
      // Encoded, the value is JSON.
      const stored = storedValue((encoded.success ?? null) as Schema.Json, column)
      if (Result.isFailure(stored)) return UNKNOWN
      const bytes = atMostJson(stored.success)
      return typeof stored.success === "string" && bytes > room ? UNKNOWN : bytes
    } catch {
      // A transformation threw, or JSON is too deep: encoding the row fails again, and reports it.
      return UNKNOWN
    }
  }
}

/** Measures a value without its stored form; undefined for a value that needs the stored form. */
type ScalarSize = (value: unknown, column: Column) => number | undefined

const jsonScalarSize: ScalarSize = (value, { type }) => {
  if (typeof value === "boolean") return atMostJson(value)
  if (typeof value === "number") {
    const isStored = type === "bigint" ? Number.isSafeInteger(value) : Number.isFinite(value)
    return isStored ? atMostJson(value) : undefined
  }
  return type === "text" && typeof value === "string" && textIssue(value) === undefined
    ? atMostJson(value)
    : undefined
}

/** Returns true for an instant or a bigint whose text no code of its own defines. */
const isStoredAsUsual = (ast: SchemaAST.AST): boolean => {
  if (ast.encoding !== undefined) return false
  if (SchemaAST.isUnion(ast)) return ast.types.every(isStoredAsUsual)
  if (SchemaAST.isNull(ast) || SchemaAST.isUndefined(ast) || SchemaAST.isBigInt(ast)) return true
  return SchemaAST.isDeclaration(ast) && ast.checks === undefined && INSTANTS.has(jsonOf(ast))
}

/** Returns the annotation that converts a value to JSON. */
const jsonOf = (ast: SchemaAST.AST): unknown => ast.annotations?.["toCodecJson"]

const INSTANTS = new Set([Schema.DateTimeUtc, Schema.Date].map(({ ast }) => jsonOf(ast)))

/**
 * Measures the usual instants and numbers: years have at most six digits and a sign, these numbers
 * at most 19 digits.
 */
const usualSize: ScalarSize = (value, { type }) => {
  if (type === "timestamptz") {
    const millis = millisOf(value)
    return millis !== undefined && isStorable(millis) ? INSTANT_BYTES : undefined
  }
  return type === "numeric" && typeof value === "bigint" && value > -MAX_USUAL && value < MAX_USUAL
    ? NUMBER_BYTES
    : undefined
}

const MAX_USUAL = 10n ** 19n
const NUMBER_BYTES = atMostJson("-".padEnd(20, "9"))
const INSTANT_BYTES = atMostJson("+002026-11-30T00:00:00.000Z")

const millisOf = (value: unknown): number | undefined =>
  DateTime.isDateTime(value) && DateTime.isUtc(value)
    ? value.epochMilliseconds
    : value instanceof Date
      ? value.getTime()
      : undefined
