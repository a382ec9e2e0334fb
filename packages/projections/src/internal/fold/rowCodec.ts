/**
 * Converts between rows and their stored form.
 */
import * as CompiledSchema from "@daybook/kernel/CompiledSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Column, StoredRow } from "../../driver/StoredRow.ts"
import { mayBeTooLarge, sizeIssue } from "./indexSize.ts"
import { instantIssue } from "./instants.ts"
import { bytesOver } from "./rowSize.ts"
import { thrown } from "./thrown.ts"

/** The maximum digits of a `numeric` before its point (PostgreSQL, "Numeric Types"). */
const MAX_DIGITS = 131_072

export interface RowCodec<A> {
  readonly encode: (value: A) => Result.Result<StoredRow, string>
  readonly decode: (stored: StoredRow) => Result.Result<A, string>
}

/**
 * The largest row, in bytes as PostgreSQL sends it. The client reads messages of 16 MiB, and two
 * rows are compared in one message.
 */
export const MAX_ROW_BYTES = 8_000_000

/**
 * Makes the codec of rows with a schema. `absent`: the fields that may be absent, which are stored
 * as `null`. `indexes`: those in which rows must fit.
 */
export const codecOf = <A>(
  schema: Schema.Codec<A, unknown>,
  columns: ReadonlyArray<Column>,
  absent: ReadonlySet<string>,
  indexes: ReadonlyArray<ReadonlyArray<Column>>
): RowCodec<A> => {
  const large = indexes.filter(mayBeTooLarge)
  const json = CompiledSchema.make(Schema.toCodecJson(schema))
  const encode = Schema.encodeUnknownResult(json)
  const decode = Schema.decodeUnknownResult(json)
  return {
    encode: (value) =>
      caught((): Result.Result<StoredRow, Schema.SchemaError | string> => {
        const encoded = encode(value)
        if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
        // A struct in JSON is an object.
        const fields = encoded.success as { readonly [field: string]: Schema.Json | undefined }
        const stored: { [field: string]: Schema.Json } = {}
        for (const column of columns) {
          const checked = storedValue(fields[column.field] ?? null, column)
          if (Result.isFailure(checked)) return Result.fail(`${column.field}: ${checked.failure}`)
          stored[column.field] = checked.success
        }
        for (const index of large) {
          const issue = sizeIssue(index, stored)
          if (issue !== undefined) {
            return Result.fail(`${index.map(({ field }) => field).join(", ")}: ${issue}`)
          }
        }
        // The exact size is slower to compute, and matters only for large rows.
        const bytes = bytesOver(columns, [stored], MAX_ROW_BYTES)
        if (bytes !== undefined) {
          return Result.fail(`the row has ${bytes} bytes, at most ${MAX_ROW_BYTES} are stored`)
        }
        return Result.succeed(stored)
      }),
    decode: (stored) => {
      const fields: { [field: string]: Schema.Json } = {}
      for (const { field } of columns) {
        const value = stored[field] ?? null
        if (value !== null || !absent.has(field)) fields[field] = value
      }
      return caught(() => decode(fields))
    }
  }
}

/** Turns exceptions into issues: of a transformation in a schema, or of JSON that is too deep. */
const caught = <A>(
  convert: () => Result.Result<A, Schema.SchemaError | string>
): Result.Result<A, string> =>
  Result.flatMap(
    Result.try({ try: convert, catch: thrown }),
    Result.mapError((issue) => (typeof issue === "string" ? issue : issue.message))
  )

/** Returns the value as every store holds it, or fails with the reason why no store can. */
export const storedValue = (
  value: Schema.Json,
  column: Column
): Result.Result<Schema.Json, string> => {
  const { nullable, type } = column
  if (value === null) return nullable ? Result.succeed(null) : Result.fail("null, and not nullable")
  if (typeof value === "string") {
    const issue = (textIssues[type] ?? textIssue)(value)
    return issue === undefined ? Result.succeed(value) : Result.fail(issue)
  }
  if (typeof value === "number") return number(value, type)
  if (type !== "jsonb") return Result.succeed(value)
  return plain(value)
}

const number = (value: number, type: Column["type"]): Result.Result<number, string> => {
  if (type === "bigint" && !Number.isSafeInteger(value)) {
    return Result.fail(`${value} is past the whole numbers that are exact`)
  }
  // JSON and SQL integers have one zero, without a sign.
  return Number.isFinite(value)
    ? Result.succeed(value === 0 ? 0 : value)
    : Result.fail(`${value} is not a JSON number`)
}

/** Returns the reason why no store can hold a text. */
export const textIssue = (text: string): string | undefined =>
  text.includes("\u0000")
    ? "text with U+0000, which PostgreSQL does not hold"
    : text.isWellFormed()
      ? undefined
      : "text with a lone surrogate, which is not Unicode"

const digitsIssue = (text: string): string | undefined =>
  !/^(?:0|-?[1-9][0-9]*)$/.test(text)
    ? `${text} is not a whole number in decimal digits`
    : text.length > MAX_DIGITS
      ? `more than ${MAX_DIGITS} digits`
      : undefined

/**
 * Returns the reason why a text is not the stored form of a UUID: two texts of one UUID would be
 * two keys in memory and one in PostgreSQL.
 */
const uuidIssue = (text: string): string | undefined =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text)
    ? undefined
    : `${text} is not how PostgreSQL writes a UUID: in small letters, in groups of 8, 4, 4, 4 and 12`

/** The checks of types that return one text for each value, whatever text was written. */
const textIssues: { readonly [Type in Column["type"]]?: typeof textIssue } = {
  numeric: digitsIssue,
  uuid: uuidIssue,
  timestamptz: instantIssue
}

/** Returns the stored form of JSON in a column: the same value, unless a number in it is -0. */
const plain = (value: Schema.Json): Result.Result<Schema.Json, string> => {
  const found = jsonIssue(value)
  if (found === undefined) return Result.succeed(value)
  return found === NEGATIVE_ZERO
    ? // The text of JSON has one zero.
      Result.succeed(JSON.parse(JSON.stringify(value)) as Schema.Json)
    : Result.fail(found)
}

const NEGATIVE_ZERO = "-0"

/** Returns the reason why no store can hold the value; `-0` only if nothing else is wrong. */
const jsonIssue = (value: Schema.Json): string | undefined => {
  switch (typeof value) {
    case "string":
      return textIssue(value)
    case "number":
      return Number.isFinite(value)
        ? Object.is(value, -0)
          ? NEGATIVE_ZERO
          : undefined
        : `${value} is not a JSON number`
    case "object": {
      if (value === null) return undefined
      let zero: string | undefined
      if (Array.isArray(value)) {
        const list: ReadonlyArray<Schema.Json> = value
        for (const held of list) {
          const found = jsonIssue(held)
          if (found === NEGATIVE_ZERO) zero = found
          else if (found !== undefined) return found
        }
        return zero
      }
      // The members of a JSON object are JSON.
      for (const [key, held] of Object.entries(value as { readonly [key: string]: Schema.Json })) {
        const found = textIssue(key) ?? jsonIssue(held)
        if (found === NEGATIVE_ZERO) zero = found
        else if (found !== undefined) return found
      }
      return zero
    }
    default:
      return undefined
  }
}
