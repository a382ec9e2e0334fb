/**
 * The ruler beside a long list of streams: how many changed when, and where they stand in the list.
 */
import * as DateTime from "effect/DateTime"
import type { Known } from "./streamIndex.ts"

/** The most buckets of a ruler. */
const MAX_BUCKETS = 500

const HOUR = 3_600_000
const WIDTHS = [HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 28 * 24 * HOUR, 364 * 24 * HOUR] as const

export interface Ruler {
  readonly bucketMillis: number
  readonly buckets: ReadonlyArray<{
    readonly at: number
    readonly offset: number
    readonly streams: number
  }>
}

/** Counts streams, newest change first, in the narrowest buckets that are few enough. */
export const make = (streams: ReadonlyArray<Pick<Known, "recordedAt">>): Ruler => {
  for (const bucketMillis of WIDTHS) {
    const buckets = count(streams, bucketMillis)
    if (buckets.length <= MAX_BUCKETS) return { bucketMillis, buckets }
  }
  const bucketMillis = 10 * 364 * 24 * HOUR
  return { bucketMillis, buckets: count(streams, bucketMillis) }
}

const count = (streams: ReadonlyArray<Pick<Known, "recordedAt">>, bucketMillis: number) => {
  const buckets: Array<{ at: number; offset: number; streams: number }> = []
  streams.forEach(({ recordedAt }, offset) => {
    const at = Math.floor(DateTime.toEpochMillis(recordedAt) / bucketMillis) * bucketMillis
    const last = buckets.at(-1)
    // By position the times of different hosts may differ a little: a stream stays in its place.
    if (last !== undefined && last.at <= at) last.streams += 1
    else if (last === undefined || buckets.length <= MAX_BUCKETS) {
      buckets.push({ at, offset, streams: 1 })
    }
  })
  return buckets
}
