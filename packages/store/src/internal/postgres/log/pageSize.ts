/**
 * The size of a page of the log: enough rows that larger pages would hardly be faster, and fewer
 * where events are large, so that a reader's memory is bounded in bytes.
 */
import { MAX_DATA_BYTES, MAX_METADATA_BYTES } from "../../../EventStore.ts"

/**
 * The limits of a page.
 */
export interface PageSize {
  /** The maximum number of rows. */
  readonly rows: number
  /** The maximum bytes per row: `rows * bytes` is at most {@link PAGE_BYTES}. */
  readonly bytes: number
  /** The bytes of the largest event that always fits. */
  readonly largest: number
}

/** The rows of a page: a longer one hardly reads faster. */
export const PAGE_ROWS = 1_000

/** The JSON of a page, 8.5 MiB: eight of the largest events. */
export const PAGE_BYTES = 8 * (MAX_DATA_BYTES + MAX_METADATA_BYTES)

/** Returns the size of a page for events of up to `largest` bytes. */
export const pageSize = (largest: number, mostRows: number = PAGE_ROWS): PageSize => {
  const fitting = Math.floor(PAGE_BYTES / Math.max(1, largest))
  const rows = Math.max(1, Math.min(mostRows, fitting))
  return { rows, bytes: Math.max(largest, Math.floor(PAGE_BYTES / rows)), largest }
}
