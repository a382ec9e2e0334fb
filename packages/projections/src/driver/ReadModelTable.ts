/**
 * The table of a read model, derived from its projection: a column for each field of the row, with
 * the PostgreSQL type that fits its schema.
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
 * A field is `NOT NULL` unless its schema allows `null` or it may be absent. `customerId` is the
 * column `customer_id`.
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import type { Column, StoredRow } from "./StoredRow.ts"
import { MAX_INDEX_COLUMNS } from "../internal/fold/indexSize.ts"
import { codecOf, MAX_ROW_BYTES as MAX_BYTES } from "../internal/fold/rowCodec.ts"
import { deriveColumn } from "../internal/fold/deriveColumn.ts"
import * as Acceptance from "../internal/fold/acceptance.ts"
import * as RowGrowth from "../internal/fold/rowGrowth.ts"
import { describe } from "../internal/fold/describeTable.ts"

/**
 * The largest row, in bytes as PostgreSQL sends it: texts in UTF-8, JSON in the output form of
 * `jsonb`.
 *
 * **Details**
 * The client reads messages of at most 16 MiB, and a rebuild compares two rows in one message.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ROW_BYTES = MAX_BYTES

/**
 * The fields of the primary key of a row in their stored form: scalars, never `null`.
 *
 * @category types
 * @since 0.1.0
 */
export type StoredKey = StoredRow

/**
 * The table of a read model.
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
  /** A line for each property that may change only with a new version; people compare them. */
  readonly description: ReadonlyArray<string>
  /**
   * Returns true if the row's schema accepts the row, its checks included. `before` is an accepted
   * row from which `row` was made; the parts that both share are not checked again.
   */
  accepts(row: Row, before?: Row): boolean
  /**
   * Returns an upper bound of the bytes by which the row is larger than `before`, from which it was
   * made, or of its size without `before`; infinite for a row that may have no stored form.
   */
  growth(row: Row, before?: Row): number
  /**
   * Encodes a row. Fails with the schema's issue, or for values that PostgreSQL can't hold or would
   * return changed, for keys and indexed values of more than some 2,600 bytes, and for rows of more
   * than {@link MAX_ROW_BYTES}.
   */
  encode(row: Row): Result.Result<StoredRow, string>
  /** Decodes a stored row, or fails with the schema's issue. */
  decode(stored: StoredRow): Result.Result<Row, string>
  encodeKey(key: Key): Result.Result<StoredKey, string>
  decodeKey(stored: StoredKey): Result.Result<Key, string>
  /** Returns a text that two keys share only if they are equal. */
  keyText(key: StoredKey): string
}

/**
 * A table of any row type, for code that does not read rows.
 *
 * @category types
 * @since 0.1.0
 */
export type Any = ReadModelTable<object, object>

/**
 * A projection can't have a table: nothing was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidProjection extends Schema.TaggedError<InvalidProjection>()(
  "InvalidProjection",
  { name: Projection.Name, field: Schema.String, issue: Schema.String }
) {
  override get message() {
    return `Cannot store ${this.name} in a table: ${this.field} ${this.issue}`
  }
}

/**
 * Derives the table of a projection.
 *
 * **Details**
 * Errors: `InvalidProjection`: a field has no column, two fields have the same column, or the
 * primary key or an index is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Event, Key, Row>(
  projection: Projection.Projection<Event, Key, Row>
): Result.Result<ReadModelTable<Key, Row>, InvalidProjection> => {
  // The cached table was derived from this very projection, so it has its types.
  type Derived = Result.Result<ReadModelTable<Key, Row>, InvalidProjection> | undefined
  const known = derived.get(projection) as Derived
  if (known !== undefined) return known
  const made = derive(projection)
  derived.set(projection, made)
  return made
}

/** The tables by projection: deriving one takes milliseconds, and every read of a row needs it. */
const derived = new WeakMap<object, unknown>()

const derive = <Event, Key, Row>(
  projection: Projection.Projection<Event, Key, Row>
): Result.Result<ReadModelTable<Key, Row>, InvalidProjection> =>
  Result.gen(function* () {
    const { name, row, version } = projection
    const invalid = (field: string, issue: string) =>
      Result.fail(new InvalidProjection({ name, field, issue }))
    const columns: Array<Column> = []
    const absent = new Set<string>()
    for (const [field, schema] of Object.entries(row.fields)) {
      const derived = deriveColumn(field, schema)
      if (Result.isFailure(derived)) return yield* invalid(field, derived.failure)
      const { column, isOptional } = derived.success
      const same = columns.find((other) => other.name === column.name)
      if (same !== undefined) {
        return yield* invalid(field, `has the column ${column.name}, as ${same.field} has`)
      }
      columns.push(column)
      if (isOptional) absent.add(field)
    }
    const columnOf = (field: string, of: string) => {
      const column = columns.find((one) => one.field === field)
      return column === undefined
        ? invalid(field, `of ${of} is not a field of the row`)
        : Result.succeed(column)
    }
    const distinct = (fields: ReadonlyArray<string>, of: string) =>
      new Set(fields).size < fields.length
        ? invalid(fields.join(", "), `of ${of} names a field twice`)
        : fields.length > MAX_INDEX_COLUMNS
          ? invalid(fields.join(", "), `of ${of} are more than ${MAX_INDEX_COLUMNS}`)
          : Result.all(fields.map((field) => columnOf(field, of)))
    const primaryKey = yield* distinct(projection.primaryKey, "the primary key")
    if (primaryKey.length === 0) return yield* invalid("the primary key", "is empty")
    for (const { field, nullable, type } of primaryKey) {
      if (nullable) return yield* invalid(field, "of the primary key may be null")
      if (type === "jsonb" || type === "double precision") {
        return yield* invalid(field, `of the primary key is ${type}`)
      }
    }
    const indexes: Array<ReadonlyArray<Column>> = []
    for (const fields of projection.indexes) {
      const index = yield* distinct(fields, "an index")
      const json = index.find(({ type }) => type === "jsonb")
      if (json !== undefined) return yield* invalid(json.field, "of an index is jsonb")
      if (index.length === 0) return yield* invalid("an index", "is empty")
      indexes.push(index)
    }
    const keyFields = Struct.pick(
      row.fields,
      primaryKey.map(({ field }) => field)
    )
    // The fields of a `RowSchema` need no services, and `Key` consists of these fields of the row.
    const keySchema = Schema.Struct(keyFields) as Schema.Top as Schema.Codec<Key, unknown>
    const rows = codecOf<Row>(row, columns, absent, [primaryKey, ...indexes])
    const keys = codecOf<Key>(keySchema, primaryKey, new Set(), [primaryKey])
    return {
      name,
      version,
      columns,
      primaryKey,
      indexes,
      description: describe(row, columns, primaryKey, indexes),
      accepts: Acceptance.make(row),
      growth: RowGrowth.make(row, columns, [primaryKey, ...indexes]),
      encode: rows.encode,
      decode: rows.decode,
      encodeKey: keys.encode,
      decodeKey: keys.decode,
      keyText: (key) => JSON.stringify(primaryKey.map(({ field }) => key[field]))
    }
  })
