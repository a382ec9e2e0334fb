/**
 * The limits of an index in PostgreSQL: a row whose key is too large can't be written, there or in
 * memory.
 */
import type { Column, StoredRow } from "../../driver/StoredRow.ts"

/** The maximum columns of an index ("Limits", INDEX_MAX_KEYS). */
export const MAX_INDEX_COLUMNS = 32

/** The maximum bytes of a B-tree entry, a third of a page of 8 kB (nbtree.h, BTMaxItemSize). */
const MAX_ENTRY_BYTES = 2_704

/**
 * The overhead of an entry and of each value: its length, and space to align it. Values of other
 * types than text and numeric take at most as much.
 */
const OVERHEAD_BYTES = 16

/**
 * Returns the reason why a row does not fit into the index, if it does not. Rows that compress well
 * might fit; they are refused too, since it can't be predicted which do.
 */
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

/** Returns true if the index may have entries that are too large. */
export const mayBeTooLarge = (index: ReadonlyArray<Column>): boolean =>
  index.some(({ type }) => type === "text" || type === "numeric")

/**
 * Returns the bytes that a value of a column may have in all indexes, if the values of the other
 * columns have no more.
 */
export const roomFor = (indexes: ReadonlyArray<ReadonlyArray<Column>>, { field }: Column): number =>
  indexes
    .filter((index) => index.some((column) => column.field === field))
    .reduce(
      (room, { length }) =>
        Math.min(room, Math.floor((MAX_ENTRY_BYTES - OVERHEAD_BYTES) / length) - OVERHEAD_BYTES),
      Number.POSITIVE_INFINITY
    )
