/**
 * Reads rows of a read model in PostgreSQL: a row by its key, or pages in an order.
 *
 * Each page is a statement of its own: no cursor and no connection is held while the reader works.
 * All pages of a query are of one generation: a switch renames tables, so each page after the first
 * checks that the table it reads is still that of its generation, and otherwise follows the
 * generation.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { OtherVersionServes } from "../../ReadModelError.ts"
import type { Condition, RowQuery } from "../../driver/RowQuery.ts"
import type { Any as AnyTable, StoredKey } from "../../driver/ReadModelTable.ts"
import type { Column, StoredRow } from "../../driver/StoredRow.ts"
import { array, cast, quoted, readRow, scalar, selected } from "./columns.ts"
import { sizeOf } from "./size.ts"
import * as TableSql from "./tableSql.ts"
import { readCommitted } from "./readCommitted.ts"

/** The rows of a page: longer pages hardly read faster, and a reader holds one page. */
const PAGE_ROWS = 500

/** The bytes of a page before its last row: they bound a reader's memory when rows are large. */
const PAGE_BYTES = 8_000_000

export const get = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  key: StoredKey
): Effect.Effect<Option.Option<StoredRow>, SqlError> => {
  const bind = binder()
  const where = table.primaryKey.map((column) => equals(bind, column, key[column.field] ?? null))
  const text = `SELECT ${TableSql.marked(table)} ${selected("t", table.columns)}
    FROM ${quoted(schema)}.${quoted(table.name)} t WHERE ${where.join(" AND ")}`
  return Effect.map(readCommitted(sql, sql.unsafe(text, bind.parameters).values), ([values]) =>
    Option.map(Option.fromUndefinedOr(values), (values) => readRow(table.columns, values))
  )
}

/** The state of a query: its generation, once known, the last row read, and the rows left. */
interface Cursor {
  readonly relation: TableSql.Relation | undefined
  readonly after: Option.Option<StoredRow>
  readonly left: number
}

export const query = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  rows: RowQuery,
  generation: number | undefined
): Stream.Stream<StoredRow, SqlError> => {
  const pages = (relation: TableSql.Relation | undefined) =>
    Stream.paginate(
      { relation, after: rows.after, left: Option.getOrElse(rows.limit, () => Infinity) },
      Effect.fnUntraced(function* (cursor: Cursor) {
        if (cursor.left <= 0) return [[], Option.none<Cursor>()] as const
        const page = yield* readPage(sql, schema, table, rows, cursor)
        const last = page.rows.at(-1)
        const left = cursor.left - page.rows.length
        const isShort = !page.cut && page.rows.length < Math.min(cursor.left, PAGE_ROWS)
        const ended = last === undefined || isShort
        const next: Option.Option<Cursor> =
          ended || left <= 0
            ? Option.none()
            : Option.some({ relation: page.relation, after: Option.some(last), left })
        return [page.rows, next] as const
      })
    )
  if (generation === undefined) return pages(undefined)
  return Stream.unwrap(
    Effect.map(relationOf(sql, schema, table.name, generation), (relation) =>
      relation === undefined ? Stream.empty : pages(relation)
    )
  )
}

interface Page {
  readonly relation: TableSql.Relation
  readonly rows: ReadonlyArray<StoredRow>
  /** True if it ended because of its bytes. */
  readonly cut: boolean
}

const readPage = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  query: RowQuery,
  { after, left, relation }: Cursor
): Effect.fn.Return<Page, SqlError> {
  const size = Math.min(left, PAGE_ROWS)
  let known = relation
  for (;;) {
    const read = yield* Effect.result(
      readCommitted(sql, select(sql, schema, table, query, known, after, size))
    )
    if (read._tag === "Success" && (known === undefined || read.success.rows.length > 0)) {
      return read.success
    }
    if (known === undefined) return yield* Effect.fromResult(read)
    // No rows, another table by now, or no such table: the relation of the generation decides.
    const now = yield* readCommitted(sql, relationOf(sql, schema, table.name, known.generation))
    if (now === undefined || now.serves === known.serves) return yield* Effect.fromResult(read)
    known = now
  }
})

const relationOf = (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  generation: number
): Effect.Effect<TableSql.Relation | undefined, SqlError> =>
  Effect.map(
    sql.unsafe<TableSql.Relation>(
      `SELECT generation, role = 'serving' AS serves FROM ${quoted(schema)}.daybook__generations
      WHERE name = $1 AND generation = $2`,
      [PgTypes.text(name), PgTypes.int4(generation)]
    ),
    ([row]) => row
  )

/**
 * Reads one page. PostgreSQL locks the table against a switch before the statement takes its
 * snapshot, so the serving generation in that snapshot is the generation of the rows.
 */
const select = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  { orderBy, where }: RowQuery,
  relation: TableSql.Relation | undefined,
  after: Option.Option<StoredRow>,
  size: number
): Effect.Effect<Page, SqlError> => {
  const bind = binder()
  const order = orderOf(table, orderBy)
  const from = TableSql.relationIn(schema, table.name, relation ?? { generation: 0, serves: true })
  const conditions = [
    ...where.map((condition) => holds(bind, table, condition)),
    ...Option.match(after, { onNone: () => [], onSome: (row) => [behind(bind, order, row)] })
  ]
  if (relation !== undefined) {
    const roles = relation.serves ? "role = 'serving'" : "role <> 'serving'"
    conditions.push(`EXISTS (SELECT FROM ${quoted(schema)}.daybook__generations
      WHERE name = ${bind(PgTypes.text(table.name))}
        AND generation = ${bind(PgTypes.int4(relation.generation))} AND ${roles})`)
  }
  const generation =
    relation === undefined
      ? `(SELECT generation FROM ${quoted(schema)}.daybook__generations
        WHERE name = ${bind(PgTypes.text(table.name))} AND role = 'serving')`
      : "NULL::integer"
  const filter = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`
  const by = order.map(({ column, direction }) => `t.${quoted(column.name)} ${direction}`)
  const limited = `FROM ${from} t ${filter} ORDER BY ${by.join(", ")} LIMIT ${bind(PgTypes.int8(BigInt(size)))}`
  const bytes = sizeOf("t", table.columns)
  const columns = `${generation}, ${selected("t", table.columns)}`
  // The sum is cheap: the rows of a page are few, and already in this order.
  const text =
    bytes === undefined
      ? `SELECT ${TableSql.marked(table)} ${columns}, 0 ${limited}`
      : `SELECT ${TableSql.marked(table)} ${columns}, t.daybook__bytes FROM (
        SELECT t.*, sum(t.daybook__own) OVER (ORDER BY ${by.join(", ")}
          ROWS UNBOUNDED PRECEDING) AS daybook__bytes
        FROM (SELECT t.*, ${bytes} AS daybook__own ${limited}) t
      ) t
      WHERE t.daybook__bytes - t.daybook__own <= ${PAGE_BYTES} ORDER BY ${by.join(", ")}`
  const statement = sql.unsafe(text, bind.parameters)
  // Unprepared, since a prepared statement has one plan for all values, made for an average one: it
  // walks along the order until the page is full, and so through the whole table for a rare value,
  // though an index leads to it. Planning takes a fraction of a millisecond.
  const values = where.length > 0 ? statement.valuesUnprepared : statement.values
  return Effect.map(values, (found) => ({
    relation: relation ?? { generation: Number(found[0]?.[0] ?? 0), serves: true },
    rows: found.map((values) => readRow(table.columns, values, 1)),
    cut: Number(found.at(-1)?.[table.columns.length + 1] ?? 0) > PAGE_BYTES
  }))
}

/**
 * Fails with the reason of a failed statement: if columns are missing or have another type than the
 * compared values, and the generation is of another version, with `OtherVersionServes`.
 */
export const failed = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  { name, version }: AnyTable,
  error: SqlError,
  generation?: number
): Effect.fn.Return<never, OtherVersionServes | SqlError> {
  if (error.reason._tag !== "SqlSyntaxError") return yield* error
  const [row] = yield* sql.unsafe<{ readonly version: Projection.Version }>(
    `SELECT version FROM ${quoted(schema)}.daybook__generations
    WHERE name = $1 AND CASE WHEN $2::integer IS NULL THEN role = 'serving' ELSE generation = $2 END`,
    [PgTypes.text(name), PgTypes.int4(generation ?? null)]
  )
  if (row === undefined || row.version === version) return yield* error
  return yield* new OtherVersionServes({ name, version, serving: row.version })
})

/** Adds a parameter, and returns its placeholder in the statement. */
interface Binder {
  (parameter: PgTypes.Parameter): string
  readonly parameters: ReadonlyArray<PgTypes.Parameter>
}

const binder = (): Binder => {
  const parameters: Array<PgTypes.Parameter> = []
  return Object.assign((parameter: PgTypes.Parameter) => `$${parameters.push(parameter)}`, {
    parameters
  })
}

interface Ordered {
  readonly column: Column
  readonly direction: "asc" | "desc"
}

const columnOf = (table: AnyTable, field: string): Column => {
  const column = table.columns.find((column) => column.field === field)
  if (column === undefined) throw new Error(`${table.name} has no field ${field}`)
  return column
}

/** Returns the order of a query, down to the primary key: no two rows are equal in it. */
const orderOf = (table: AnyTable, orderBy: RowQuery["orderBy"]): ReadonlyArray<Ordered> => {
  const order: Array<Ordered> = []
  const add = (ordered: Ordered) => {
    if (!order.some(({ column }) => column.name === ordered.column.name)) order.push(ordered)
  }
  for (const { direction, field } of orderBy) add({ column: columnOf(table, field), direction })
  for (const column of table.primaryKey) add({ column, direction: "asc" })
  return order
}

const value = (bind: Binder, column: Column, of: NonNullable<StoredRow[string]>) =>
  cast(bind(scalar(column, of)), column)

const equals = (bind: Binder, column: Column, of: StoredRow[string]): string => {
  const name = `t.${quoted(column.name)}`
  return of === null || of === undefined
    ? `${name} IS NULL`
    : `${name} = ${value(bind, column, of)}`
}

/**
 * Returns the condition for rows after a row: one comparison if the order has one direction, from
 * which an index scan can start.
 */
const behind = (bind: Binder, order: ReadonlyArray<Ordered>, row: StoredRow): string => {
  const values = order.map(({ column }) => value(bind, column, row[column.field] ?? ""))
  const names = order.map(({ column }) => `t.${quoted(column.name)}`)
  const [first] = order
  const further = first?.direction === "desc" ? "<" : ">"
  if (order.every(({ direction }) => direction === first?.direction)) {
    return `(${names.join(", ")}) ${further} (${values.join(", ")})`
  }
  const steps = order.map(({ direction }, at) =>
    [
      ...names.slice(0, at).map((name, before) => `${name} = ${values[before]}`),
      `${names[at]} ${direction === "desc" ? "<" : ">"} ${values[at]}`
    ].join(" AND ")
  )
  // The first comparison is implied by the others, and is there for an index.
  return `(${names[0]} ${further}= ${values[0]} AND ((${steps.join(") OR (")})))`
}

const operators = { below: "<", atMost: "<=", above: ">", atLeast: ">=" } as const

const holds = (bind: Binder, table: AnyTable, { field, is, values }: Condition): string => {
  const column = columnOf(table, field)
  const name = `t.${quoted(column.name)}`
  const [first = null] = values
  switch (is) {
    case "equal":
      return equals(bind, column, first)
    case "notEqual":
      return first === null
        ? `${name} IS NOT NULL`
        : `${name} IS DISTINCT FROM ${value(bind, column, first)}`
    case "oneOf": {
      const known = values.filter((one) => one !== null)
      const some = `${name} = ANY(${cast(bind(array(column, known)), column, "[]")})`
      return known.length === values.length ? some : `(${some} OR ${name} IS NULL)`
    }
    default:
      // No value is below or above null.
      return first === null ? "false" : `${name} ${operators[is]} ${value(bind, column, first)}`
  }
}
