/**
 * The SQL of a read model's table: its names, its definition, and the statements of a step.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import type { Any as AnyTable } from "../../driver/ReadModelTable.ts"
import type { Column } from "../../driver/StoredRow.ts"
import { arrayType, cast, quoted, selected } from "./columns.ts"

/** The table that holds a generation's rows. */
export interface Relation {
  readonly generation: number
  readonly serves: boolean
}

/** Returns the table of a generation without its schema: the read model's name while it serves. */
export const relationName = (name: string, { generation, serves }: Relation): string =>
  serves ? name : `${name}__g${generation}`

/** Returns the table of a generation as it stands in a statement. */
export const relationIn = (schema: SchemaName, name: string, relation: Relation): string =>
  `${quoted(schema)}.${quoted(relationName(name, relation))}`

/**
 * Marks statements with the version. A version with other types in columns of the same names needs
 * other statements: prepared ones fail when the types of their columns change.
 */
export const marked = ({ version }: AnyTable): string => `/* version ${version} */`

const columnType = ({ type }: Column): string =>
  // Compares bytes in UTF-8, as the contract of queries says, the same on every system.
  type === "text" ? `text COLLATE "C"` : type

/**
 * Returns the statements that create a table. Constraints and indexes have the generation in their
 * names from the start, so that a switch only renames tables.
 */
export const definition = (
  schema: SchemaName,
  { columns, indexes, name, primaryKey }: AnyTable,
  relation: Relation
): ReadonlyArray<string> => {
  const table = relationIn(schema, name, relation)
  const own = `${name}__g${relation.generation}`
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

const aliases = (columns: ReadonlyArray<Column>) => columns.map((_, at) => `c${at}`).join(", ")

const unnested = (columns: ReadonlyArray<Column>, first: number, alias: string) =>
  `ROWS FROM (${columns
    .map((column, at) => `pg_catalog.unnest($${first + at}::${arrayType(column)})`)
    .join(", ")}) AS ${alias}(${aliases(columns)})`

/**
 * Returns the relation `k` of keys: their count is parameter `first`, their columns follow it.
 *
 * Its form makes PostgreSQL plan for one key whatever their number: by the index, and one plan for
 * all. Otherwise it would find a sequential scan of a table of some thousand rows cheaper than
 * looking up some hundred keys, and would cache no plan for a few. It can't see the parameter of a
 * subquery, and takes an unknown limit for a tenth of the rows.
 */
const keys = ({ primaryKey }: AnyTable, first: number): string =>
  `(
      SELECT * FROM ROWS FROM (${primaryKey
        .map((column, at) => `pg_catalog.unnest((SELECT $${first + 1 + at}::${arrayType(column)}))`)
        .join(", ")}) AS a(${aliases(primaryKey)})
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
 * Selects the rows of the $6 keys ($7 and on), if the claim and the checkpoint are as the
 * parameters say, and no row otherwise. If no key has a row, it selects one row without a key.
 */
export const loadOfStep = (schema: SchemaName, table: AnyTable, relation: Relation): string =>
  `SELECT ${marked(table)} ${selected("t", table.columns)}
  FROM ${quoted(schema)}.daybook__generations g
  JOIN ${quoted(schema)}.daybook__checkpoints c ON ${FROM}
  LEFT JOIN (
    ${keys(table, 6)} JOIN ONLY ${relationIn(schema, table.name, relation)} t ON ${isOfKey(table)}
  ) ON true
  WHERE ${CLAIMED}`

/** Selects the rows of the $1 keys ($2 and on). */
export const loadInline = (schema: SchemaName, table: AnyTable, relation: Relation): string =>
  `SELECT ${marked(table)} ${selected("t", table.columns)}
  FROM ${keys(table, 1)} JOIN ONLY ${relationIn(schema, table.name, relation)} t ON ${isOfKey(table)}`

interface Written {
  readonly upserts: boolean
  readonly deletions: boolean
}

/**
 * Returns the parts of a statement that write rows. `source` has one row, or no row to write
 * nothing. Upserts are parameters from `first` on, then deletions.
 */
const writing = (
  schema: SchemaName,
  table: AnyTable,
  relation: Relation,
  { deletions, upserts }: Written,
  first: number,
  source: string
): ReadonlyArray<string> => {
  const { columns, primaryKey } = table
  const into = relationIn(schema, table.name, relation)
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
 * Takes a step in one statement, which returns a row if it succeeded: under the claim, moves the
 * checkpoint from $5 to $6, which is at the event $10, renews the claim for $7 milliseconds, counts
 * $8 events at $9 a second, and writes.
 *
 * The generation is locked first, and PostgreSQL checks the conditions again after a wait for that
 * lock. No row is written unless the checkpoint has moved, since the rows to write are joined with
 * it.
 */
export const writeOfStep = (
  schema: SchemaName,
  table: AnyTable,
  relation: Relation,
  written: Written,
  inTransaction: boolean
): string => {
  // A step does not wait for the disk: one that is lost in a crash of the server is taken again
  // from the checkpoint. In a transaction of the caller, other work may have to wait for it.
  const answer = inTransaction ? "1" : "set_config('synchronous_commit', 'off', true)"
  const parts = [
    `claimed AS MATERIALIZED (
    SELECT FROM ${quoted(schema)}.daybook__generations g WHERE ${CLAIMED} FOR SHARE
  )`,
    `moved AS (
    UPDATE ${quoted(schema)}.daybook__checkpoints c SET "position" = $6,
      lease_ends = clock_timestamp() + $7 * interval '1 millisecond',
      events = c.events + $8, events_per_second = $9, event = $10::text
    FROM claimed WHERE ${FROM} RETURNING 1
  )`,
    ...writing(schema, table, relation, written, 11, "moved, ")
  ]
  return `WITH ${parts.join(",\n  ")}\n  SELECT ${answer} FROM moved`
}

/** Writes rows that the transaction holds: upserts are parameters from $1 on, then deletions. */
export const writeInline = (
  schema: SchemaName,
  table: AnyTable,
  relation: Relation,
  written: Written
): string => `WITH ${writing(schema, table, relation, written, 1, "").join(",\n  ")}\n  SELECT 1`
