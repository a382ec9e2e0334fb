/**
 * The part of the log that a view holds: newest first, without a gap, and bounded.
 *
 * The earlier pages begin below its floor. While the view is paused the first events that came are
 * held, and all of them are counted; those that are not held are read again from the position at
 * which the view stands.
 */
import type { EventLine, LogPage } from "@daybook/inspector/Answer"
import * as Position from "@daybook/kernel/Position"

/** A longer list gives its earliest events up: the view reads them in pages when asked. */
const MAX_SHOWN = 2000
/** The list grows to this length before it is cut, so that it is not cut at each event. */
const CUT_AT = 2500
/** The most events that are held while the view is paused, and shown at once. */
export const MAX_HELD = 1000
/** The rate is counted over this time, in seconds. */
export const RATE_SECONDS = 60

const SECOND = 1000

export interface LogWindow {
  /** False until the first page is there. */
  readonly isRead: boolean
  /** Newest first. */
  readonly events: ReadonlyArray<EventLine>
  /** The position below which the earlier pages begin; absent at the beginning of the log. */
  readonly floor?: Position.Position | undefined
  /** Each event up to it is in the list or below the floor. */
  readonly stands: Position.Position
  /** The position up to which the log is known to be settled. */
  readonly settled: Position.Position
  readonly isPaused: boolean
  /** The first events after `stands`, oldest first. */
  readonly held: ReadonlyArray<EventLine>
  /** The number of events that came after `stands`. */
  readonly waiting: number
  readonly withheld: boolean
  readonly isConnected: boolean
  readonly problem?: string | undefined
  /** The number of events that were recorded in each of the last seconds, by the second. */
  readonly seconds: ReadonlyMap<number, number>
  /** The second from which on `seconds` counts all events. */
  readonly countedSince: number
}

export const nothing: LogWindow = {
  isRead: false,
  events: [],
  stands: Position.start,
  settled: Position.start,
  isPaused: false,
  held: [],
  waiting: 0,
  withheld: false,
  isConnected: false,
  seconds: new Map(),
  countedSince: Number.POSITIVE_INFINITY
}

const secondOf = ({ recordedAt }: EventLine): number =>
  Math.floor(recordedAt.epochMilliseconds / SECOND)

const counted = (
  seconds: ReadonlyMap<number, number>,
  events: ReadonlyArray<EventLine>
): ReadonlyMap<number, number> => {
  const counts = new Map(seconds)
  for (const event of events) {
    const second = secondOf(event)
    counts.set(second, (counts.get(second) ?? 0) + 1)
  }
  const newest = Math.max(...counts.keys())
  for (const second of counts.keys()) {
    if (second <= newest - 2 * RATE_SECONDS) counts.delete(second)
  }
  return counts
}

const later = (one: Position.Position, other: Position.Position | undefined): Position.Position =>
  other !== undefined && other > one ? other : one

/** The window after its first page, which was read when the stream of the log had begun. */
export const begun = (window: LogWindow, page: LogPage): LogWindow => {
  const stands = later(page.head, page.events[0]?.position)
  const oldest = page.events.at(-1)
  return {
    ...window,
    isRead: true,
    events: page.events,
    floor: page.next,
    stands,
    settled: stands,
    withheld: page.withheld,
    problem: undefined,
    seconds: counted(new Map(), page.events),
    // All events of a second are in the page only if it reaches back before that second.
    countedSince:
      page.next === undefined || oldest === undefined
        ? Number.NEGATIVE_INFINITY
        : secondOf(oldest) + 1
  }
}

/** The window after events that settled, in their order. */
export const received = (window: LogWindow, events: ReadonlyArray<EventLine>): LogWindow => {
  // The first page may have an event that the stream, which began before it, says again.
  const fresh = events.filter(({ position }) => position > window.settled)
  const newest = fresh.at(-1)
  if (newest === undefined) return window
  const now = {
    ...window,
    settled: newest.position,
    seconds: counted(window.seconds, fresh)
  }
  if (!window.isPaused) return added(now, fresh)
  // Those that are held have no gap, also where not all of them are.
  const isWhole = window.held.length === window.waiting
  return {
    ...now,
    held: isWhole
      ? [...window.held, ...fresh.slice(0, MAX_HELD - window.held.length)]
      : window.held,
    waiting: window.waiting + fresh.length
  }
}

const added = (window: LogWindow, events: ReadonlyArray<EventLine>): LogWindow => {
  const all = [...events.toReversed(), ...window.events]
  const stands = later(window.stands, events.at(-1)?.position)
  if (all.length <= CUT_AT) return { ...window, events: all, stands }
  const kept = all.slice(0, MAX_SHOWN)
  return { ...window, events: kept, floor: kept.at(-1)?.position, stands }
}

/** The window that moves no more. */
export const paused = (window: LogWindow): LogWindow =>
  window.isPaused ? window : { ...window, isPaused: true }

/** The window after it shows what it holds; it follows the log again once that is all there is. */
export const shown = (window: LogWindow): LogWindow => {
  const waiting = window.waiting - window.held.length
  return { ...added(window, window.held), held: [], waiting, isPaused: waiting > 0 }
}

/** The window after the events that follow `after` were read again. */
export const refilled = (
  window: LogWindow,
  after: Position.Position,
  events: ReadonlyArray<EventLine>
): LogWindow =>
  window.stands === after && window.held.length === 0
    ? { ...window, held: events.slice(0, MAX_HELD) }
    : window

/** The number of events of the last seconds up to `now`, in milliseconds, and of which seconds. */
export const rate = (
  { countedSince, seconds }: LogWindow,
  now: number
): { readonly counts: ReadonlyArray<number>; readonly over: number } => {
  // The present second is not over.
  const last = Math.floor(now / SECOND) - 1
  const over = Math.min(RATE_SECONDS, last - countedSince + 1)
  return {
    over: Math.max(0, over),
    counts: Array.from(
      { length: RATE_SECONDS },
      (_, index) => seconds.get(last - RATE_SECONDS + 1 + index) ?? 0
    )
  }
}
