/**
 * The SQL of a read model's table: its names, its definition, and the statements of a step.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import type { Any as AnyTable } from "../ReadModelTable.ts"
import type { Column } from "../StoredRow.ts"
import { arrayType, cast, quoted, selected } from "./postgresColumns.ts"

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

/** Parameters from a number on. */
const numbered = (columns: ReadonlyArray<Column>, first: number) =>
  columns.map((column, at) => `$${first + at}::${arrayType(column)}`).join(", ")

const places = (columns: ReadonlyArray<Column>) => columns.map((_, at) => `c${at}`).join(", ")

/** Rows `t` of a table that have one of the keys of the parameters from `first` on. */
const keyed = (table: string, { primaryKey }: AnyTable, first: number): string =>
  `unnest(${numbered(primaryKey, first)}) AS k(${places(primaryKey)})
    JOIN ${table} t ON ${primaryKey
      .map((column, at) => `t.${quoted(column.name)} = ${cast(`k.c${at}`, column)}`)
      .join(" AND ")}`

/** $1 name, $2 generation, $3 epoch: the generation of a claim that may be written. */
const CLAIMED =
  "g.name = $1 AND g.generation = $2 AND g.epoch = $3 AND NOT g.paused AND g.poison IS NULL AND g.mode = 'async'"

/** $4 partition, $5 position. */
const FROM = 'c.name = $1 AND c.generation = $2 AND c.partition = $4 AND c."position" = $5'

/**
 * The rows of the keys ($6 and on) if the claim and the checkpoint are as the parameters say; no row at all
 * otherwise, and one without a key where there are none.
 */
export const loadOfStep = (schema: SchemaName, table: AnyTable, place: Place): string =>
  `SELECT ${selected("t", table.columns)}
  FROM ${quoted(schema)}.daybook__generations g
  JOIN ${quoted(schema)}.daybook__checkpoints c ON ${FROM}
  LEFT JOIN (${keyed(relationIn(schema, table.name, place), table, 6)}) ON true
  WHERE ${CLAIMED}`

/** The rows of the keys ($1 and on). */
export const load = (schema: SchemaName, table: AnyTable, place: Place): string =>
  `SELECT ${selected("t", table.columns)}
  FROM ${keyed(relationIn(schema, table.name, place), table, 1)}`

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
    FROM ${source}unnest(${numbered(columns, first)}) AS u(${places(columns)})
    ON CONFLICT (${primaryKey.map(({ name }) => quoted(name)).join(", ")})
      DO ${update === "" ? "NOTHING" : `UPDATE SET ${update}`}
  )`)
  }
  if (deletions) {
    parts.push(`deleted AS (
    DELETE FROM ${into} t USING ${source}unnest(${numbered(primaryKey, afterUpserts)})
      AS k(${places(primaryKey)})
    WHERE ${primaryKey
      .map((column, at) => `t.${quoted(column.name)} = ${cast(`k.c${at}`, column)}`)
      .join(" AND ")}
  )`)
  }
  return parts
}

/**
 * Moves the checkpoint from $5 to $6 under the claim, renews it for $7 milliseconds, counts $8 events at $9 a second,
 * and writes: all in one statement, which gives a row if it did.
 *
 * The generation is locked first, and what waited for the lock is judged anew by PostgreSQL; no row is written
 * unless the checkpoint has moved, since the rows to write are joined with it.
 */
export const writeOfStep = (
  schema: SchemaName,
  table: AnyTable,
  place: Place,
  written: Written
): string => {
  const parts = [
    `claimed AS MATERIALIZED (
    SELECT FROM ${quoted(schema)}.daybook__generations g WHERE ${CLAIMED} FOR SHARE
  )`,
    `moved AS (
    UPDATE ${quoted(schema)}.daybook__checkpoints c SET "position" = $6,
      lease_ends = clock_timestamp() + $7 * interval '1 millisecond',
      events = c.events + $8, events_per_second = $9
    FROM claimed WHERE ${FROM} RETURNING 1
  )`,
    ...writing(schema, table, place, written, 10, "moved, ")
  ]
  return `WITH ${parts.join(",\n  ")}\n  SELECT 1 FROM moved`
}

/** Writes to what the transaction keeps: upserts are parameters from $1 on, then deletions. */
export const write = (
  schema: SchemaName,
  table: AnyTable,
  place: Place,
  written: Written
): string => `WITH ${writing(schema, table, place, written, 1, "").join(",\n  ")}\n  SELECT 1`
