/**
 * The table of a read model, derived from its projection: a column for each field of the row, with the
 * PostgreSQL type that fits its schema.
 *
 * | Schema of the field                      | Column             | Stored as           |
 * | ---------------------------------------- | ------------------ | ------------------- |
 * | whole numbers (`Schema.Int`, or checked) | `bigint`           | a number            |
 * | other numbers                            | `double precision` | a number            |
 * | bigints                                  | `numeric`          | its decimal digits  |
 * | booleans                                 | `boolean`          | a boolean           |
 * | `DateTime.Utc`, `Date`                   | `timestamptz`      | an ISO 8601 instant |
 * | strings checked to be UUIDs              | `uuid`             | text                |
 * | strings, and literals of strings         | `text`             | text                |
 * | all else                                 | `jsonb`            | its JSON form       |
 *
 * A field is `NOT NULL` unless its schema allows `null` or it may be absent. `customerId` is the column
 * `customer_id`.
 *
 * @since 0.1.0
 */
import type * as Projection from "@daybook/kernel/Projection"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"

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

/**
 * The fields of the primary key of a row, as stored; all of them scalars, none `null`.
 *
 * @category types
 * @since 0.1.0
 */
export type StoredKey = StoredRow

/**
 * The table of a read model.
 *
 * **Details**
 * `keyText`: a text that two keys share only if they are equal. `description`: a line for each
 * property that may not change without a new version, for people to read a difference in.
 * `encode` and `decode` fail with the schema's issue; `encode` also with text that PostgreSQL can't hold.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadModelTable<Key, Row> {
  readonly name: Projection.Name
  readonly version: Projection.Version
  readonly columns: ReadonlyArray<Column>
  readonly primaryKey: ReadonlyArray<Column>
  readonly indexes: ReadonlyArray<ReadonlyArray<Column>>
  readonly description: ReadonlyArray<string>
  encode(row: Row): Result.Result<StoredRow, string>
  decode(stored: StoredRow): Result.Result<Row, string>
  encodeKey(key: Key): Result.Result<StoredKey, string>
  decodeKey(stored: StoredKey): Result.Result<Key, string>
  keyText(key: StoredKey): string
}

/**
 * Any table, for what does not look into rows.
 *
 * @category types
 * @since 0.1.0
 */
export type Any = ReadModelTable<object, object>

/**
 * The projection has no table: nothing was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidProjection extends Schema.TaggedError<InvalidProjection>()(
  "InvalidProjection",
  { name: Schema.String, field: Schema.String, issue: Schema.String }
) {}

export declare const make: <Event, Key, Row>(
  projection: Projection.Projection<Event, Key, Row>
) => Result.Result<ReadModelTable<Key, Row>, InvalidProjection>
