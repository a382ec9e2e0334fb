/** The axis of time under the revisions of a stream. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The distances between ticks, each a whole multiple of a unit that people read. */
const steps = [
  [1, 2, 5, 10, 20, 50, 100, 200, 500],
  [1, 2, 5, 15, 30].map((count) => count * SECOND),
  [1, 2, 5, 15, 30].map((count) => count * MINUTE),
  [1, 2, 3, 6, 12].map((count) => count * HOUR),
  [1, 2, 7, 14, 30, 90, 180, 365, 730, 3650].map((count) => count * DAY)
].flat()

const MAX_TICKS = 11

/** An axis that begins and ends at a tick. */
export interface TimeAxis {
  readonly start: number
  readonly end: number
  readonly step: number
  readonly ticks: ReadonlyArray<number>
}

/**
 * Makes the axis of the times from `first` to `last`, all in milliseconds.
 *
 * `offset` is that of the zone in which ticks are said, so that a tick of a day is its midnight.
 */
export const make = (first: number, last: number, offset: number): TimeAxis => {
  const step =
    steps.find((size) => (last - first) / size <= MAX_TICKS - 1) ??
    Math.ceil((last - first) / (MAX_TICKS - 1) / (3650 * DAY)) * 3650 * DAY
  const start = Math.floor((first + offset) / step) * step - offset
  const count = Math.max(1, Math.ceil((last - start) / step))
  const ticks = Array.from({ length: count + 1 }, (_, index) => start + index * step)
  return { start, end: start + count * step, step, ticks }
}

/** Returns the place of a time on an axis, in percent. */
export const place = (axis: TimeAxis, at: number): number =>
  (Math.min(Math.max(at, axis.start), axis.end) - axis.start) / ((axis.end - axis.start) / 100)

/**
 * Returns for each revision the time at which it and all before it had happened: times of events
 * need not be in their order.
 */
export const reached = (times: ReadonlyArray<number>): ReadonlyArray<number> => {
  let latest = Number.NEGATIVE_INFINITY
  return times.map((time) => (latest = Math.max(latest, time)))
}

/** Returns the number of times that are at or before `at`; `times` are ascending. */
export const countUpTo = (times: ReadonlyArray<number>, at: number): number => {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** Counts times in `bins` equal parts of an axis. */
export const densities = (
  axis: TimeAxis,
  times: ReadonlyArray<number>,
  bins: number
): ReadonlyArray<number> => {
  const counts = Array.from({ length: bins }, () => 0)
  for (const time of times) {
    const bin = Math.min(bins - 1, Math.floor((place(axis, time) / 100) * bins))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts
}

/** The form in which the ticks of an axis are said. */
export const formOf = (axis: TimeAxis): "millis" | "hms" | "hm" | "day" =>
  axis.step >= DAY ? "day" : axis.step >= MINUTE ? "hm" : axis.step >= SECOND ? "hms" : "millis"

/** Returns the revisions that have a label: about `count` of them, at round distances. */
export const labelled = (last: number, count: number): ReadonlyArray<number> => {
  const sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000]
  const size = sizes.find((distance) => last / distance <= count) ?? last
  const labels = Array.from({ length: Math.floor(last / size) + 1 }, (_, index) => index * size)
  // The newest revision is always said, instead of a neighbour that would touch it.
  return last - (labels.at(-1) ?? 0) < size / 2 ? [...labels.slice(0, -1), last] : [...labels, last]
}
