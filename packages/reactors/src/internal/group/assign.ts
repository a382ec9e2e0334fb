/**
 * The rule by which the hosts of a group share its slots out: a pure function of the rows and the
 * clock, which each host applies to itself in turn.
 *
 * A host may have as many slots as its equal share, rounded up. With more, it drains a range; with
 * fewer, it claims free slots. A range changes its shape only while it is free, under a new epoch.
 */
import type { Checkpoint } from "@daybook/store/Checkpoint"
import { SLOTS, type SlotRange } from "../../ConsumerGroup.ts"

export interface Member {
  readonly owner: string
  readonly leaseEnds: number
}

export interface RangeRow extends SlotRange {
  readonly epoch: number
  /** The host that has the lease; undefined while the range is free. */
  readonly owner: string | undefined
  readonly leaseEnds: number
  readonly checkpoint: Checkpoint
}

export interface Rows {
  /** The largest epoch that any range of the group has had. */
  readonly epoch: number
  readonly members: ReadonlyArray<Member>
  /** All slots, in order, each in one range. */
  readonly ranges: ReadonlyArray<RangeRow>
}

export interface Host {
  readonly owner: string
  readonly now: number
  /** The length of a lease, in milliseconds. */
  readonly lease: number
  /** The epochs of the ranges that the host is giving up. */
  readonly draining: ReadonlySet<number>
  /** The epochs of the ranges that it has given up. */
  readonly released: ReadonlySet<number>
}

export interface Assigned {
  readonly rows: Rows
  /** The ranges of the host. */
  readonly own: ReadonlyArray<RangeRow>
  /** The epochs of the ranges that the host has to give up. */
  readonly drain: ReadonlyArray<number>
}

const sizeOf = ({ first, last }: SlotRange): number => last - first + 1

const slots = (ranges: ReadonlyArray<SlotRange>): number =>
  ranges.reduce((sum, range) => sum + sizeOf(range), 0)

/** Returns the rows after the turn of a host, and its part of them. */
export const assign = (rows: Rows, host: Host): Assigned => {
  const { lease, now, owner } = host
  const leaseEnds = now + lease
  const others = rows.members.filter((one) => one.owner !== owner && one.leaseEnds > now)
  const members = [...others, { owner, leaseEnds }]
  const share = Math.ceil(SLOTS / members.length)

  const draw = drawing(rows.epoch)
  const freed = joined(
    rows.ranges.map((range) => (isEnded(range, host) ? free(range, draw) : range)),
    draw
  )
  const staying = freed.filter((range) => range.owner === owner && !host.draining.has(range.epoch))
  const drain = toDrain(staying, slots(staying) - share)
  const ranges = claimed(freed, owner, share - slots(staying), draw).map((range) =>
    range.owner === owner ? { ...range, leaseEnds } : range
  )
  return {
    rows: { epoch: draw.last(), members, ranges },
    own: ranges.filter((range) => range.owner === owner),
    drain
  }
}

interface Drawing {
  readonly next: () => number
  readonly last: () => number
}

const drawing = (before: number): Drawing => {
  let last = before
  return { next: () => ++last, last: () => last }
}

const isEnded = (range: RangeRow, { now, owner, released }: Host): boolean =>
  range.owner !== undefined &&
  (range.leaseEnds <= now || (range.owner === owner && released.has(range.epoch)))

/** Frees a range; the new epoch fences the host that had it. */
const free = (range: RangeRow, draw: Drawing): RangeRow => ({
  ...range,
  epoch: draw.next(),
  owner: undefined,
  leaseEnds: 0
})

const isSamePlace = (one: Checkpoint, other: Checkpoint): boolean =>
  one.log === other.log && one.position === other.position && one.event === other.event

/** Joins free neighbours that are at one place of the log. */
const joined = (ranges: ReadonlyArray<RangeRow>, draw: Drawing): ReadonlyArray<RangeRow> => {
  const all: Array<RangeRow> = []
  for (const range of ranges) {
    const before = all.at(-1)
    const fits =
      before !== undefined &&
      before.owner === undefined &&
      range.owner === undefined &&
      isSamePlace(before.checkpoint, range.checkpoint)
    if (fits) all[all.length - 1] = { ...before, last: range.last, epoch: draw.next() }
    else all.push(range)
  }
  return all
}

/** Selects ranges with at least `excess` slots: whole ones, or one that is cut while it is free. */
const toDrain = (own: ReadonlyArray<RangeRow>, excess: number): ReadonlyArray<number> => {
  const epochs: Array<number> = []
  let left = excess
  for (const range of own.toSorted((one, other) => sizeOf(other) - sizeOf(one))) {
    if (left > 0 && sizeOf(range) <= left) {
      epochs.push(range.epoch)
      left -= sizeOf(range)
    }
  }
  const larger = own
    .filter((range) => sizeOf(range) > left)
    .toSorted((one, other) => sizeOf(one) - sizeOf(other))[0]
  return left > 0 && larger !== undefined ? [...epochs, larger.epoch] : epochs
}

/** Claims up to `wanted` free slots, beside the host's own ones first. */
const claimed = (
  ranges: ReadonlyArray<RangeRow>,
  owner: string,
  wanted: number,
  draw: Drawing
): ReadonlyArray<RangeRow> => {
  const isBeside = (index: number) =>
    ranges[index - 1]?.owner === owner || ranges[index + 1]?.owner === owner
  const order = ranges
    .map((range, index) => ({ range, index, beside: isBeside(index) ? 0 : 1 }))
    .filter(({ range }) => range.owner === undefined)
    .toSorted((one, other) => one.beside - other.beside || one.index - other.index)
  const taken = new Map<number, number>()
  let left = wanted
  for (const { index, range } of order) {
    if (left <= 0) break
    const size = Math.min(left, sizeOf(range))
    taken.set(index, size)
    left -= size
  }
  return ranges.flatMap((range, index): ReadonlyArray<RangeRow> => {
    const size = taken.get(index)
    if (size === undefined) return [range]
    const own = { ...range, owner, epoch: draw.next() }
    if (size === sizeOf(range)) return [own]
    const end = range.first + size
    return [
      { ...own, last: end - 1 },
      { ...range, first: end, epoch: draw.next() }
    ]
  })
}

/**
 * Selects neighbouring ranges of a host that could be one: those that are not drained.
 *
 * They are joined when all of them are given up at one place of the log.
 */
export const neighbours = (
  own: ReadonlyArray<RangeRow>,
  isSteady: (range: RangeRow) => boolean
): ReadonlyArray<RangeRow> => {
  const runs: Array<Array<RangeRow>> = []
  for (const range of own) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (!isSteady(range)) runs.push([])
    else if (run !== undefined && before?.last === range.first - 1) run.push(range)
    else runs.push([range])
  }
  return runs.find(({ length }) => length > 1) ?? []
}
