/**
 * The SQL of a read model's table: its names, its definition, and the statements of a step.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import type { Any as AnyTable } from "../../ReadModelTable.ts"
import type { Column } from "../../StoredRow.ts"
import { arrayType, cast, quoted, selected } from "./columns.ts"

/** Which table holds a generation's rows. */
export interface Place {
  readonly generation: number
  readonly serves: boolean
}

/** The table of a generation without its schema: the read model's own name while it serves. */
export const relation = (name: string, { generation, serves }: Place): string =>
  serves ? name : `${name}__g${generation}`

/** The same, as it stands in a statement. */
export const relationIn = (schema: SchemaName, name: string, place: Place): string =>
  `${quoted(schema)}.${quoted(relation(name, place))}`

/**
 * A version that has other types in columns of the same names needs other statements: those that a connection has
 * prepared fail when the types of their columns change.
 */
export const marked = ({ version }: AnyTable): string => `/* version ${version} */`

const columnType = ({ type }: Column): string =>
  // Bytes in UTF-8 are compared, as the contract of queries says, the same on every system.
  type === "text" ? `text COLLATE "C"` : type

/**
 * Makes the table. Constraints and indexes have the generation in their names from the start, so that a switch
 * renames tables alone.
 */
export const definition = (
  schema: SchemaName,
  { columns, indexes, name, primaryKey }: AnyTable,
  place: Place
): ReadonlyArray<string> => {
  const table = relationIn(schema, name, place)
  const own = `${name}__g${place.generation}`
  const list = (some: ReadonlyArray<Column>) => some.map((column) => quoted(column.name)).join(", ")
  const fields = columns.map(
    (column) => `${quoted(column.name)} ${columnType(column)}${column.nullable ? "" : " NOT NULL"}`
  )
  return [
    `CREATE TABLE ${table} (${fields.join(", ")},
      CONSTRAINT ${quoted(`${own}_pkey`)} PRIMARY KEY (${list(primaryKey)}))`,
    ...indexes.map(
      (index, at) => `CREATE INDEX ${quoted(`${own}_i${at + 1}`)} ON ${table} (${list(index)})`
    )
  ]
}

const places = (columns: ReadonlyArray<Column>) => columns.map((_, at) => `c${at}`).join(", ")

const unnested = (columns: ReadonlyArray<Column>, first: number, alias: string) =>
  `ROWS FROM (${columns
    .map((column, at) => `pg_catalog.unnest($${first + at}::${arrayType(column)})`)
    .join(", ")}) AS ${alias}(${places(columns)})`

/**
 * Keys `k`: how many is a parameter, `first`, and behind it are their columns.
 *
 * PostgreSQL would find it cheaper to read a table of some thousand rows from end to end than to look up some hundred
 * keys, and keep no plan for a few. It can't look into the parameter of a subquery, and takes an unknown
 * limit for a tenth of the rows, so it plans for one key whatever there are: by the index, and one plan for all.
 */
const keys = ({ primaryKey }: AnyTable, first: number): string =>
  `(
      SELECT * FROM ROWS FROM (${primaryKey
        .map((column, at) => `pg_catalog.unnest((SELECT $${first + 1 + at}::${arrayType(column)}))`)
        .join(", ")}) AS a(${places(primaryKey)})
      LIMIT (SELECT $${first}::bigint)
    ) k`

const isOfKey = ({ primaryKey }: AnyTable): string =>
  primaryKey
    .map((column, at) => `t.${quoted(column.name)} = ${cast(`k.c${at}`, column)}`)
    .join(" AND ")

/** $1 name, $2 generation, $3 epoch: the generation of a claim that may be written. */
const CLAIMED =
  "g.name = $1 AND g.generation = $2 AND g.epoch = $3 AND NOT g.paused AND g.poison IS NULL AND g.mode = 'async'"

/** $4 partition, $5 position. */
const FROM = 'c.name = $1 AND c.generation = $2 AND c.partition = $4 AND c."position" = $5'

/**
 * The rows of the keys ($7 and on), of which there are $6, if the claim and the checkpoint are as the parameters say; no row at all
 * otherwise, and one without a key where there are none.
 */
export const loadOfStep = (schema: SchemaName, table: AnyTable, place: Place): string =>
  `SELECT ${marked(table)} ${selected("t", table.columns)}
  FROM ${quoted(schema)}.daybook__generations g
  JOIN ${quoted(schema)}.daybook__checkpoints c ON ${FROM}
  LEFT JOIN (
    ${keys(table, 6)} JOIN ONLY ${relationIn(schema, table.name, place)} t ON ${isOfKey(table)}
  ) ON true
  WHERE ${CLAIMED}`

/** The rows of the keys ($2 and on), of which there are $1. */
export const load = (schema: SchemaName, table: AnyTable, place: Place): string =>
  `SELECT ${marked(table)} ${selected("t", table.columns)}
  FROM ${keys(table, 1)} JOIN ONLY ${relationIn(schema, table.name, place)} t ON ${isOfKey(table)}`

interface Written {
  readonly upserts: boolean
  readonly deletions: boolean
}

/** What to write, from `source`, which has one row or none; upserts are parameters from `first` on, then deletions. */
const writing = (
  schema: SchemaName,
  table: AnyTable,
  place: Place,
  { deletions, upserts }: Written,
  first: number,
  source: string
): ReadonlyArray<string> => {
  const { columns, primaryKey } = table
  const into = relationIn(schema, table.name, place)
  const isKey = (column: Column) => primaryKey.some(({ name }) => name === column.name)
  const others = columns.filter((column) => !isKey(column))
  const update = others.map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`).join(", ")
  const afterUpserts = upserts ? first + columns.length : first
  const parts: Array<string> = []
  if (upserts) {
    parts.push(`upserted AS (
    INSERT INTO ${into} (${columns.map(({ name }) => quoted(name)).join(", ")})
    SELECT ${columns.map((column, at) => cast(`u.c${at}`, column)).join(", ")}
    FROM ${source}${unnested(columns, first, "u")}
    ON CONFLICT (${primaryKey.map(({ name }) => quoted(name)).join(", ")})
      DO ${update === "" ? "NOTHING" : `UPDATE SET ${update}`}
  )`)
  }
  if (deletions) {
    parts.push(`deleted AS (
    DELETE FROM ONLY ${into} t USING ${source}${keys(table, afterUpserts)} WHERE ${isOfKey(table)}
  )`)
  }
  return parts
}

/**
 * Moves the checkpoint from $5 to $6, which is at the event $10, under the claim, renews it for $7 milliseconds, counts $8 events
 * at $9 a second, and writes: all in one statement, which gives a row if it did.
 *
 * The generation is locked first, and what waited for the lock is judged anew by PostgreSQL; no row is written
 * unless the checkpoint has moved, since the rows to write are joined with it.
 */
export const writeOfStep = (
  schema: SchemaName,
  table: AnyTable,
  place: Place,
  written: Written,
  inTransaction: boolean
): string => {
  // A step that a crash of the server takes back is taken again from where its checkpoint is then, so it does not wait for
  // the disk. What else a transaction does may have to.
  const answer = inTransaction ? "1" : "set_config('synchronous_commit', 'off', true)"
  const parts = [
    `claimed AS MATERIALIZED (
    SELECT FROM ${quoted(schema)}.daybook__generations g WHERE ${CLAIMED} FOR SHARE
  )`,
    `moved AS (
    UPDATE ${quoted(schema)}.daybook__checkpoints c SET "position" = $6,
      lease_ends = clock_timestamp() + $7 * interval '1 millisecond',
      events = c.events + $8, events_per_second = $9, event_id = $10::text::uuid
    FROM claimed WHERE ${FROM} RETURNING 1
  )`,
    ...writing(schema, table, place, written, 11, "moved, ")
  ]
  return `WITH ${parts.join(",\n  ")}\n  SELECT ${answer} FROM moved`
}

/** Writes to what the transaction keeps: upserts are parameters from $1 on, then deletions. */
export const write = (
  schema: SchemaName,
  table: AnyTable,
  place: Place,
  written: Written
): string => `WITH ${writing(schema, table, place, written, 1, "").join(",\n  ")}\n  SELECT 1`
