/**
 * The stored form of rows, and the columns that hold it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The earliest instant of a row, in milliseconds since 1970: midnight of November 24 in 4714 BC
 * (PostgreSQL, "Date/Time Types").
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
 * A column of the table of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export interface Column {
  /** The field of the row that it holds. */
  readonly field: string
  /** Its name in SQL. */
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
}

/**
 * A row in its stored form: by field, the JSON form of its value; `null` also for an absent field.
 *
 * @category types
 * @since 0.1.0
 */
export interface StoredRow {
  readonly [field: string]: Schema.Json
}
