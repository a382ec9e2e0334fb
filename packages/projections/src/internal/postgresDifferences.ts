/**
 * In which rows two generations of a read model differ, told by PostgreSQL.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { MAX_DIFFERENCES, type RowDifference } from "../ReadModelError.ts"
import type { GenerationState } from "../ReadModelGeneration.ts"
import type { Any as AnyTable } from "../ReadModelTable.ts"
import type { StoredRow } from "../StoredRow.ts"
import { quoted, readRow, selected } from "./postgresColumns.ts"
import * as PostgresTable from "./postgresTable.ts"

interface Differences {
  readonly count: number
  /** At most `MAX_DIFFERENCES`, by key. */
  readonly first: ReadonlyArray<RowDifference>
}

export const differences = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  serving: GenerationState,
  rebuilt: GenerationState
): Effect.Effect<Differences, SqlError> => {
  const { columns, name, primaryKey } = table
  const of = (state: GenerationState, serves: boolean) =>
    PostgresTable.relationIn(schema, name, { generation: state.generation, serves })
  const both = (column: { readonly name: string }, operator: string) =>
    `s.${quoted(column.name)} ${operator} r.${quoted(column.name)}`
  const text = `SELECT count(*) OVER (), ${selected("s", columns)}, ${selected("r", columns)}
    FROM ${of(serving, true)} s FULL JOIN ${of(rebuilt, false)} r
      ON ${primaryKey.map((column) => both(column, "=")).join(" AND ")}
    WHERE ${columns.map((column) => both(column, "IS DISTINCT FROM")).join(" OR ")}
    ORDER BY ${primaryKey
      .map((column) => `coalesce(s.${quoted(column.name)}, r.${quoted(column.name)})`)
      .join(", ")}
    LIMIT ${MAX_DIFFERENCES}`
  const difference = (values: ReadonlyArray<unknown>): RowDifference => {
    const side = (offset: number) => {
      const row = readRow(columns, values, offset)
      // A side that lacks the row lacks its key, which no row does.
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
