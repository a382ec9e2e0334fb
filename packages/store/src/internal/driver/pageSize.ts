/**
 * How much of a log is read at a time: as many rows as hardly cost more each than in larger pages, and
 * fewer where events are large, so that what a reader holds is bounded by bytes.
 */
import { MAX_DATA_BYTES, MAX_METADATA_BYTES } from "../../EventStore.ts"

/**
 * At most so many rows, and of those no data of more bytes: `rows * bytes` is at most {@link PAGE_BYTES}.
 * `largest`: the bytes of the event that it has room for in any case.
 */
export interface PageSize {
  readonly rows: number
  readonly bytes: number
  readonly largest: number
}

/** Rows in a page: a longer one hardly reads faster. */
export const PAGE_ROWS = 1_000

/** The JSON of a page, 8.5 MiB: eight of the largest events. */
export const PAGE_BYTES = 8 * (MAX_DATA_BYTES + MAX_METADATA_BYTES)

/** The page that events of up to so many bytes fit in. */
export const pageSize = (largest: number, mostRows: number = PAGE_ROWS): PageSize => {
  const fitting = Math.floor(PAGE_BYTES / Math.max(1, largest))
  const rows = Math.max(1, Math.min(mostRows, fitting))
  return { rows, bytes: Math.max(largest, Math.floor(PAGE_BYTES / rows)), largest }
}
