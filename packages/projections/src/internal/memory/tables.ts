/**
 * The rows of a generation in memory.
 */
import * as Result from "effect/Result"
import { OtherVersionServes } from "../../ReadModelError.ts"
import type { Changes } from "../../driver/ReadModelGeneration.ts"
import type { Any as AnyTable, StoredKey } from "../../driver/ReadModelTable.ts"
import type { Column, StoredRow } from "../../driver/StoredRow.ts"
import type { Generation } from "../lifecycle/state.ts"

export interface Table {
  readonly columns: ReadonlyArray<Column>
  /** By the text of their key. */
  readonly rows: Map<string, StoredRow>
}

export const rowsOf = (
  table: AnyTable,
  { rows }: Table,
  keys: ReadonlyArray<StoredKey>
): ReadonlyMap<string, StoredRow> => {
  const found = new Map<string, StoredRow>()
  for (const key of keys) {
    const text = table.keyText(key)
    const row = rows.get(text)
    if (row !== undefined) found.set(text, row)
  }
  return found
}

export const write = (table: AnyTable, { rows }: Table, { deletions, upserts }: Changes): void => {
  for (const row of upserts) rows.set(table.keyText(row), row)
  for (const key of deletions) rows.delete(table.keyText(key))
}

/**
 * Fails unless the definition can read the rows of a generation; rows of another version it can
 * read if no column changed.
 */
export const readable = (
  { version: serving }: Generation,
  { columns: known, rows }: Table,
  { columns, name, version }: AnyTable
): Result.Result<void, OtherVersionServes> => {
  if (serving === version) return Result.void
  const isThere = (column: Column) => {
    const other = known.find((one) => one.name === column.name)
    if (other === undefined) return false
    return rows.size === 0 || other.type === column.type || areTexts(other, column)
  }
  return columns.every(isThere)
    ? Result.void
    : Result.fail(new OtherVersionServes({ name, version, serving }))
}

/**
 * Returns true if the stored forms of all columns are returned by a database as they are, and only
 * the schema of the field decides whether they are values of it.
 */
const areTexts = (...columns: ReadonlyArray<Column>): boolean =>
  columns.every(({ type }) => type === "text" || type === "uuid" || type === "jsonb")
