/**
 * Rows as stores keep them, and the columns that they are kept in.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The first instant of a row, in milliseconds since 1970: midnight of November 24 in 4714 BC (PostgreSQL, "Date/Time Types").
 *
 * @category limits
 * @since 0.1.0
 */
export const MIN_INSTANT = -210_866_803_200_000

/**
 * The PostgreSQL type of a column.
 *
 * @category types
 * @since 0.1.0
 */
export const ColumnType = Schema.Literals([
  "text",
  "bigint",
  "numeric",
  "double precision",
  "boolean",
  "timestamptz",
  "uuid",
  "jsonb"
])

/**
 * @category types
 * @since 0.1.0
 */
export type ColumnType = typeof ColumnType.Type

/**
 * A column: the field of the row that it holds, and its name in SQL.
 *
 * @category types
 * @since 0.1.0
 */
export interface Column {
  readonly field: string
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
}

/**
 * A row as stores keep it: by field, the JSON form of its value; `null` also where the field is absent.
 *
 * @category types
 * @since 0.1.0
 */
export interface StoredRow {
  readonly [field: string]: Schema.Json
}
