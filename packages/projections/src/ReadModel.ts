/**
 * Reads the serving rows of a read model, typed by its projection.
 *
 * On PostgreSQL the rows are also in a table, for queries in SQL.
 *
 * @since 0.1.0
 */
import { printableLine, textOf } from "@daybook/kernel/Printable"
import type * as Projection from "@daybook/kernel/Projection"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OtherVersionServes, ReadModelStoreError } from "./ReadModelError.ts"
import { ReadModelStore } from "./ReadModelStore.ts"
import type { Condition, RowQuery } from "./driver/RowQuery.ts"
import * as ReadModelTable from "./driver/ReadModelTable.ts"
import type { Column, StoredRow } from "./driver/StoredRow.ts"
import { recordedText } from "./internal/fold/recordedText.ts"
import { codecOf } from "./internal/fold/rowCodec.ts"
import { MAX_ISSUE_LENGTH } from "./driver/ReadModelGeneration.ts"

/** The fields of a row by which queries can compare: scalars and instants. */
type Comparable<Row> = {
  readonly [Field in keyof Row]: Exclude<Row[Field], null | undefined> extends
    | string
    | number
    | bigint
    | boolean
    | Date
    | { readonly epochMilliseconds: number }
    ? Field
    : never
}[keyof Row] &
  string

/**
 * The conditions on a field, which must all hold. `null` equals `null` here, and is neither below
 * nor above anything.
 *
 * @category types
 * @since 0.1.0
 */
export interface Filter<in out Value> {
  readonly equal?: Value
  readonly not?: Value
  readonly oneOf?: ReadonlyArray<Value>
  readonly below?: NonNullable<Value>
  readonly atMost?: NonNullable<Value>
  readonly above?: NonNullable<Value>
  readonly atLeast?: NonNullable<Value>
}

/**
 * The rows to read: all, in the order of their primary key, unless the fields say otherwise.
 *
 * **Details**
 * Text is ordered by its bytes in UTF-8.
 *
 * @category types
 * @since 0.1.0
 */
export interface Query<in out Row> {
  /** The conditions, by field. */
  readonly where?: { readonly [Field in Comparable<Row>]?: Filter<Row[Field]> }
  /**
   * Fields that are never `null`, in ascending order unless they are `descending`; the primary key
   * decides between equals.
   */
  readonly orderBy?: ReadonlyArray<Comparable<Row> | { readonly descending: Comparable<Row> }>
  /**
   * Reads only rows after this one in the order: pass the last row of a page to read the next page.
   * The row need not exist any more.
   */
  readonly after?: Row
  /**
   * Does the same as `after`, from the fields alone that a cursor needs to carry of a row: all
   * those that the order and the primary key name. Excludes `after`.
   */
  readonly afterFields?: { readonly [Field in Comparable<Row>]?: Row[Field] }
  /** The maximum number of rows, a whole number, 0 or more. */
  readonly limit?: number
}

/**
 * A query names a field that the table does not have, or a value that no row can have.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidQuery extends Schema.TaggedError<InvalidQuery>()("InvalidQuery", {
  name: Schema.String,
  field: Schema.String,
  issue: Schema.String
}) {
  override get message() {
    return printableLine(`Cannot query ${this.name}: ${this.field} ${this.issue}`)
  }
}

/**
 * A serving row is not of this version of the projection: another version serves by now, or the row
 * was written by hand.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableRow extends Schema.TaggedError<UnreadableRow>()("UnreadableRow", {
  name: Schema.String,
  version: Schema.Int,
  issue: Schema.String
}) {
  override get message() {
    return printableLine(
      `Cannot read a row of ${this.name} as version ${this.version}: ${this.issue}`
    )
  }
}

/**
 * The reasons why rows can't be read.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReadError =
  | ReadModelTable.InvalidProjection
  | InvalidQuery
  | UnreadableRow
  | ReadModelStoreError

/**
 * Reads the row of a key, if there is one.
 *
 * @category operations
 * @since 0.1.0
 */
export const get = Effect.fn("ReadModel.get")(function* <
  Event,
  Key extends object,
  Row extends object
>(
  projection: Projection.Projection<Event, Key, Row>,
  key: Key
): Effect.fn.Return<Option.Option<Row>, ReadError, ReadModelStore> {
  const store = yield* ReadModelStore
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  const invalid = (issue: string) =>
    new InvalidQuery({ name: projection.name, field: "the key", issue })
  const stored = yield* Effect.fromResult(Result.mapError(table.encodeKey(key), invalid))
  const row = yield* Effect.catchTag(store.get(table, stored), "OtherVersionServes", unreadable)
  return yield* Effect.transposeOption(Option.map(row, (found) => decode(table, found)))
})

/**
 * Reads rows in bounded memory.
 *
 * **Details**
 * Rows that are written meanwhile may be among them.
 * Errors: `InvalidQuery`, before the first row.
 *
 * @category operations
 * @since 0.1.0
 */
export const query = <Event, Key extends object, Row extends object>(
  projection: Projection.Projection<Event, Key, Row>,
  options: Query<Row> = {}
): Stream.Stream<Row, ReadError, ReadModelStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = yield* Effect.fromResult(ReadModelTable.make(projection))
      const asked = yield* Effect.fromResult(rowQuery(projection, table, options))
      return store.query(table, asked).pipe(
        Stream.catchTag("OtherVersionServes", (error) => Stream.fromEffect(unreadable(error))),
        Stream.mapEffect((row) => decode(table, row))
      )
    })
  ).pipe(
    Stream.withSpan("ReadModel.query", { attributes: { "daybook.projection": projection.name } })
  )

const unreadable = ({ name, serving, version }: OtherVersionServes) =>
  Effect.fail(new UnreadableRow({ name, version, issue: `version ${serving} serves` }))

const decode = <Key, Row>(table: ReadModelTable.ReadModelTable<Key, Row>, row: StoredRow) => {
  const { name, version } = table
  return Effect.fromResult(
    Result.mapError(
      table.decode(row),
      (issue) => new UnreadableRow({ name, version, issue: recordedText(issue, MAX_ISSUE_LENGTH) })
    )
  )
}

const rowQuery = <Event, Key, Row extends object>(
  { name, row }: Projection.Projection<Event, Key, Row>,
  table: ReadModelTable.ReadModelTable<Key, Row>,
  { after, afterFields, limit, orderBy = [], where = {} }: Query<Row>
): Result.Result<RowQuery, InvalidQuery> =>
  Result.gen(function* () {
    // The issue quotes the query's values, which may be of any length.
    const invalid = (field: string, issue: string) =>
      Result.fail(new InvalidQuery({ name, field, issue: recordedText(issue, MAX_ISSUE_LENGTH) }))
    const invalidPlace = (issue: string) =>
      new InvalidQuery({
        name,
        field: "afterFields",
        issue: recordedText(issue, MAX_ISSUE_LENGTH)
      })
    const columnOf = (field: string) => {
      const column = table.columns.find((one) => one.field === field)
      if (column === undefined) return invalid(field, "is not a field of the row")
      return column.type === "jsonb"
        ? invalid(field, "is JSON, which has no order")
        : Result.succeed(column)
    }
    if (!Predicate.isObject(where)) return yield* invalid("where", "is not an object")
    if (!Array.isArray(orderBy)) return yield* invalid("orderBy", "is not an array")
    const conditions: Array<Condition> = []
    for (const [field, filter] of Object.entries(where)) {
      if (filter === undefined) continue
      const column = yield* columnOf(field)
      if (!Predicate.isObject(filter))
        return yield* invalid(field, "has a filter that is not an object")
      const encode = encoder(row, column)
      for (const [word, given] of Object.entries(filter)) {
        const is = WORDS.get(word)
        if (is === undefined) {
          return yield* invalid(
            field,
            `has a filter ${word}; there are ${[...WORDS.keys()].join(", ")}`
          )
        }
        const values: Array<Schema.Json> = []
        for (const value of is === "oneOf" && Array.isArray(given) ? given : [given]) {
          const encoded = encode(value)
          if (Result.isFailure(encoded)) {
            return yield* invalid(field, `is never ${textOf(value)}: ${encoded.failure}`)
          }
          values.push(encoded.success)
        }
        conditions.push({ field, is, values })
      }
    }
    const order: Array<RowQuery["orderBy"][number]> = []
    for (const given of orderBy) {
      const field = fieldOf(given)
      if (field === undefined) {
        return yield* invalid("orderBy", `has ${textOf(given)}, which names no field`)
      }
      const column = yield* columnOf(field)
      if (column.nullable)
        return yield* invalid(field, "may be null, which has no place in an order")
      order.push({ field, direction: typeof given === "string" ? "asc" : "desc" })
    }
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
      return yield* invalid("limit", `is ${textOf(limit)}, allowed is a whole number, 0 or more`)
    }
    if (after !== undefined && afterFields !== undefined) {
      return yield* invalid("afterFields", "excludes after")
    }
    const fields = new Set([...order, ...table.primaryKey].map(({ field }) => field))
    const cursor =
      afterFields !== undefined
        ? Option.some(yield* Result.mapError(place(row, table, fields, afterFields), invalidPlace))
        : after === undefined
          ? Option.none()
          : Option.some(
              yield* Result.mapError(
                table.encode(after),
                (issue) => new InvalidQuery({ name, field: "after", issue })
              )
            )
    return {
      where: conditions,
      orderBy: order,
      after: cursor,
      limit: Option.fromUndefinedOr(limit)
    }
  })

const fieldOf = (given: unknown): string | undefined => {
  const field = Predicate.hasProperty(given, "descending") ? given.descending : given
  return typeof field === "string" ? field : undefined
}

const WORDS: ReadonlyMap<string, Condition["is"]> = new Map<string, Condition["is"]>([
  ["equal", "equal"],
  ["not", "notEqual"],
  ["oneOf", "oneOf"],
  ["below", "below"],
  ["atMost", "atMost"],
  ["above", "above"],
  ["atLeast", "atLeast"]
])

/** Encodes the fields of a row that decide its place in an order. */
const place = <Key, Row>(
  row: Projection.RowSchema<unknown>,
  table: ReadModelTable.ReadModelTable<Key, Row>,
  fields: ReadonlySet<string>,
  given: object
): Result.Result<StoredRow, string> =>
  Result.gen(function* () {
    if (!Predicate.isObject(given)) return yield* Result.fail("is not an object")
    const stored: Record<string, Schema.Json> = {}
    for (const column of table.columns) {
      const { field } = column
      if (!fields.has(field)) continue
      if (!Predicate.hasProperty(given, field)) return yield* Result.fail(`lacks ${field}`)
      const value = given[field]
      stored[field] = yield* Result.mapError(
        encoder(row, column)(value),
        (issue) => `has ${field}, which is never ${textOf(value)}: ${issue}`
      )
    }
    return stored
  })

/** Encodes a value of a field to its stored form; an absent value is stored as `null`. */
const encoder = (row: Projection.RowSchema<unknown>, column: Column) => {
  const { field } = column
  // The fields of a `RowSchema` need no services.
  const schema = Schema.Struct({
    [field]: row.fields[field] ?? Schema.Never
  }) as Schema.Top as Schema.Codec<unknown, unknown>
  const { encode } = codecOf(schema, [column], new Set(), [])
  return (value: unknown): Result.Result<Schema.Json, string> =>
    Result.map(
      encode(value === undefined ? {} : { [field]: value }),
      (stored) => stored[field] ?? null
    )
}
