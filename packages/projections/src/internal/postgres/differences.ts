/**
 * Compares the rows of two generations of a read model in PostgreSQL.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { MAX_DIFFERENCES, MAX_DIFFERENCES_BYTES, type RowDifference } from "../../ReadModelError.ts"
import type { Any as AnyTable } from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"
import type { Differences } from "../../driver/ReadModelDriver.ts"
import { quoted, readRow, selected } from "./columns.ts"
import { sizeOf } from "./size.ts"
import * as TableSql from "./tableSql.ts"

export const differences = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  generations: { readonly serving: number; readonly rebuilt: number }
): Effect.Effect<Differences, SqlError> => {
  const { columns, name, primaryKey } = table
  const of = (generation: number, serves: boolean) =>
    TableSql.relationIn(schema, name, { generation, serves })
  const both = (column: { readonly name: string }, operator: string) =>
    `s.${quoted(column.name)} ${operator} r.${quoted(column.name)}`
  const key = primaryKey
    .map((column) => `coalesce(s.${quoted(column.name)}, r.${quoted(column.name)})`)
    .join(", ")
  const sizes = ["(d.s)", "(d.r)"].flatMap((side) => sizeOf(side, columns) ?? []).join(" + ")
  const text = `SELECT t.n, ${selected("(t.s)", columns)}, ${selected("(t.r)", columns)}
    FROM (
      SELECT d.*, sum(d.own) OVER (ORDER BY d.place ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (
        SELECT d.*, ${sizes === "" ? "0" : sizes} AS own
        FROM (
          SELECT count(*) OVER () AS n, row_number() OVER (ORDER BY ${key}) AS place, s, r
          FROM ${of(generations.serving, true)} s FULL JOIN ${of(generations.rebuilt, false)} r
            ON ${primaryKey.map((column) => both(column, "=")).join(" AND ")}
          WHERE ${columns.map((column) => both(column, "IS DISTINCT FROM")).join(" OR ")}
          ORDER BY place LIMIT ${MAX_DIFFERENCES}
        ) d
      ) d
    ) t
    WHERE t.bytes - t.own <= ${MAX_DIFFERENCES_BYTES} ORDER BY t.place`
  const difference = (values: ReadonlyArray<unknown>): RowDifference => {
    const side = (offset: number) => {
      const row = readRow(columns, values, offset)
      // A side that lacks the row has no key, and every row has one.
      return primaryKey.every(({ field }) => row[field] === null) ? undefined : row
    }
    const serving = side(1)
    const rebuilt = side(1 + columns.length)
    const row: StoredRow = serving ?? rebuilt ?? {}
    return {
      key: Object.fromEntries(primaryKey.map(({ field }) => [field, row[field] ?? null])),
      ...(serving === undefined ? {} : { serving }),
      ...(rebuilt === undefined ? {} : { rebuilt })
    }
  }
  return Effect.map(sql.unsafe(text).valuesUnprepared, (found) => ({
    count: Number(found[0]?.[0] ?? 0),
    first: found.map(difference)
  }))
}
