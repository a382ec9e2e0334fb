/**
 * Reads the log of the memory store.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { EventId } from "@daybook/kernel/EventId"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as AppendRules from "../../driver/AppendRules.ts"
import type {
  AsOf,
  Counted,
  LogFilter,
  Origin,
  Page,
  Range,
  StreamEnd,
  StreamSelection
} from "../../driver/EventStoreDriver.ts"
import type { EventAddress, StreamFacts } from "../../EventStore.ts"
import { type BacklogOptions, MAX_BACKLOG } from "../../Subscription.ts"
import { head, type Log, toRecorded } from "./log.ts"

/**
 * The number of events that one page examines: it bounds a reader's memory and its synchronous
 * work.
 */
const PAGE_SIZE = 256

/** Reads a page of `events`, the first of which has the place 1; `place` adds the brand. */
export const page = <Place extends number | bigint>(
  log: Log,
  events: ReadonlyArray<AppendRules.StoredEvent>,
  filter: LogFilter,
  { direction, highest, limit, lowest }: Range<Place>,
  place: (place: number) => Place
): Page<Place> => {
  const forward = direction === "forward"
  const isMatch = matches(log, filter)
  const last = Math.min(Number(highest), events.length)
  const first = Number(lowest)
  const step = forward ? 1 : -1
  const found: Array<RecordedEvent> = []
  let at = forward ? first : last
  for (let seen = 0; seen < PAGE_SIZE && at >= first && at <= last; seen++, at += step) {
    const stored = events[at - 1]
    if (stored === undefined || !isMatch(stored)) continue
    found.push(toRecorded(log, stored))
    if (found.length === limit) return { events: found, readTo: place(at) }
  }
  const isOver = at < first || at > last
  return { events: found, readTo: isOver ? (forward ? highest : lowest) : place(at - step) }
}

/** Returns a predicate for the events of the given categories and types. */
const matches = (log: Log, filter: LogFilter) => {
  const categories = filter.categories && new Set(filter.categories)
  const types = filter.types && new Set(filter.types)
  return ({ category, position, type }: AppendRules.StoredEvent): boolean =>
    (categories === undefined || categories.has(category)) &&
    // Readers see an event that is passed over without its type.
    (types === undefined || (types.has(type) && !log.passedOver.has(position)))
}

/** Returns the end of the log, and the last event up to a position. */
export const origin = (log: Log, position: Position): Origin => {
  const end = head(log)
  return {
    log: log.id,
    settled: end,
    newest: end,
    settledEvent: AppendRules.markOf(log.events.at(-1)),
    givenEvent: AppendRules.markOf(log.events[Math.min(Number(position), log.events.length) - 1])
  }
}

/** Returns the last event of a stream, or of its part up to a revision. */
export const end = (log: Log, streamId: StreamId, upTo?: Revision): StreamEnd | undefined => {
  const events = log.streams.get(streamId) ?? []
  const last = events[Math.min(upTo ?? events.length, events.length) - 1]
  return (
    last && {
      streamId,
      revision: last.revision,
      position: last.position,
      occurredAt: DateTime.makeUnsafe(last.occurredAt),
      recordedAt: DateTime.makeUnsafe(last.recordedAt),
      event: EventMark.at(last.id, last.recordedAt)
    }
  )
}

/** Lists streams. */
export const streams = (
  log: Log,
  { after, limit, prefix }: StreamSelection
): ReadonlyArray<StreamFacts> =>
  Array.from(log.streams.keys())
    .filter((id) => id.startsWith(prefix) && (after === undefined || byCodePoints(id, after) > 0))
    .toSorted(byCodePoints)
    .slice(0, limit)
    .flatMap((id) => end(log, id) ?? [])

/**
 * Compares like UTF-8 and PostgreSQL. JavaScript compares code units, which sorts surrogate pairs
 * before U+E000.
 */
const byCodePoints = (a: string, b: string): number => {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const [one, other] = [a.codePointAt(at) ?? 0, b.codePointAt(at) ?? 0]
    if (one !== other) return one - other
  }
  return a.length - b.length
}

/** Returns the addresses of the events with these ids. */
export const find = (log: Log, ids: ReadonlyArray<EventId>): ReadonlyArray<EventAddress> =>
  ids.flatMap((id) => {
    const stored = log.ids.get(id)
    return stored === undefined
      ? []
      : { eventId: id, streamId: stored.streamId, revision: stored.revision }
  })

/** Returns the last revision up to `upTo` that is as of the bound. */
export const revisionAsOf = (
  log: Log,
  streamId: StreamId,
  upTo: Revision,
  bound: AsOf
): Revision => {
  const events = log.streams.get(streamId) ?? []
  // A count of revisions, so the cast adds only the brand.
  return Math.min(upTo, prefixLength(events, bound)) as Revision
}

/** Returns the last position up to `settled` before the first event that was recorded later. */
export const positionAsOf = (log: Log, settled: Position, instant: DateTime.Utc): Position => {
  const millis = DateTime.toEpochMillis(instant)
  const count = prefixLength(log.events, { _tag: "RecordedAt", millis })
  // A count of positions, so the cast adds only the brand.
  return BigInt(Math.min(Number(settled), count)) as Position
}

/** Counts the events before the first that is past the bound. */
const prefixLength = (events: ReadonlyArray<AppendRules.StoredEvent>, bound: AsOf): number => {
  if (bound._tag === "Position") return countUpTo(events, bound.position)
  const field = bound._tag === "RecordedAt" ? "recordedAt" : "occurredAt"
  const index = events.findIndex((event) => event[field] > bound.millis)
  return index === -1 ? events.length : index
}

/** Counts the events of a stream up to a position, by binary search, since positions increase. */
const countUpTo = (events: ReadonlyArray<AppendRules.StoredEvent>, position: Position): number => {
  let [low, high] = [0, events.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const event = events[middle]
    if (event !== undefined && event.position <= position) low = middle + 1
    else high = middle
  }
  return low
}

/** Counts the events that a follower has still to read. */
export const count = (log: Log, options: BacklogOptions): Counted => {
  const { after, afterRevision = 0, streamId } = options
  const all = streamId === undefined ? log.events : (log.streams.get(streamId) ?? [])
  const isMatch = matches(log, options)
  let events = 0
  let since: number | undefined
  const from = after === undefined ? 0 : countUpTo(all, after)
  for (let at = Math.max(from, afterRevision); at < all.length; at++) {
    const event = all[at]
    if (event === undefined || !isMatch(event)) continue
    // Times may decrease along positions.
    since = Math.min(since ?? event.recordedAt, event.recordedAt)
    if (++events === MAX_BACKLOG) break
  }
  return { events, since }
}
