/**
 * What fits into an index of PostgreSQL: a row whose key is too large can't be written, there or in memory.
 */
import type { Column, StoredRow } from "../../StoredRow.ts"

/** Columns of an index ("Limits", INDEX_MAX_KEYS). */
export const MAX_INDEX_COLUMNS = 32

/** Bytes of an entry of a B-tree, a third of a page of 8 kB (nbtree.h, BTMaxItemSize). */
const MAX_ENTRY_BYTES = 2_704

/** Of an entry, and of each value: its length, and space to align it. No type but these two takes more than 16. */
const OVERHEAD_BYTES = 16

/** Why a row has no place in the index, if so. Some that compress well would have one; which ones would be anybody's guess. */
export const sizeIssue = (index: ReadonlyArray<Column>, row: StoredRow): string | undefined => {
  let bytes = OVERHEAD_BYTES
  for (const { field, type } of index) {
    const value = row[field]
    bytes += OVERHEAD_BYTES
    if (typeof value !== "string") continue
    if (type === "text") bytes += Buffer.byteLength(value)
    // Four digits are two bytes.
    else if (type === "numeric") bytes += value.length / 2
  }
  return bytes <= MAX_ENTRY_BYTES
    ? undefined
    : `too large for an index, which has ${MAX_ENTRY_BYTES} bytes for it`
}

/** Those that may have entries that are too large. */
export const mayBeTooLarge = (index: ReadonlyArray<Column>): boolean =>
  index.some(({ type }) => type === "text" || type === "numeric")

/** So many bytes a value of a column may have whatever the other columns of the indexes hold, if those have no more either. */
export const roomFor = (indexes: ReadonlyArray<ReadonlyArray<Column>>, { field }: Column): number =>
  indexes
    .filter((index) => index.some((column) => column.field === field))
    .reduce(
      (room, { length }) =>
        Math.min(room, Math.floor((MAX_ENTRY_BYTES - OVERHEAD_BYTES) / length) - OVERHEAD_BYTES),
      Number.POSITIVE_INFINITY
    )
