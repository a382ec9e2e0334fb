/**
 * A query of a read model's rows in their stored form.
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { storedValue } from "../internal/fold/rowCodec.ts"
import type { Column, ColumnType, StoredRow } from "./StoredRow.ts"

/**
 * The rows of a read model to read, and their order: that of the primary key, unless `orderBy` says
 * otherwise.
 *
 * **Details**
 * Text is compared by its bytes in UTF-8.
 *
 * @category types
 * @since 0.1.0
 */
export interface RowQuery {
  /** The conditions, which must all hold. */
  readonly where: ReadonlyArray<Condition>
  /** Fields that are never `null` and not JSON; the primary key decides between equals. */
  readonly orderBy: ReadonlyArray<{ readonly field: string; readonly direction: "asc" | "desc" }>
  /** Reads only rows after this one in the order. */
  readonly after: Option.Option<StoredRow>
  readonly limit: Option.Option<number>
}

/**
 * A condition on a field; values are in their stored form. `null` equals `null` here, and is
 * neither below nor above anything.
 *
 * @category types
 * @since 0.1.0
 */
export interface Condition {
  readonly field: string
  readonly is: "equal" | "notEqual" | "below" | "atMost" | "above" | "atLeast" | "oneOf"
  /** A single value, or any number of values for `oneOf`. */
  readonly values: ReadonlyArray<Schema.Json>
}

/**
 * Returns a value as a row may hold it in a column, for a condition or a place in the order, or
 * fails with the reason why no row can. JSON has no order, so it is never one.
 *
 * @category validation
 * @since 0.1.0
 */
export const comparable = (
  column: Column,
  value: Schema.Json
): Result.Result<Schema.Json, string> =>
  value === null || typeof value === typeOf[column.type]
    ? storedValue(value, column)
    : Result.fail(`${JSON.stringify(value)} is not ${column.type}`)

const typeOf: Readonly<Record<ColumnType, "string" | "number" | "boolean" | undefined>> = {
  text: "string",
  uuid: "string",
  numeric: "string",
  timestamptz: "string",
  bigint: "number",
  "double precision": "number",
  boolean: "boolean",
  jsonb: undefined
}
