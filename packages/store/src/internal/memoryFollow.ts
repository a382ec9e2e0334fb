/**
 * Following the log of the memory store: what comes after a position, and how much of it there is.
 */
import * as Position from "@daybook/kernel/Position"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import { type Backlog, MAX_BACKLOG, type SubscribeOptions } from "../Subscription.ts"
import { countUpTo, type Log, matching, PAGE_SIZE, type Stored, toRecorded } from "./memoryLog.ts"
import type { Look } from "./subscription.ts"

/** The events to follow, of the log or of a stream, and how many of them come before those asked for. */
const followed = (
  log: Log,
  { after = Position.start, afterRevision, streamId }: SubscribeOptions
): { readonly events: ReadonlyArray<Stored>; readonly from: number } => {
  if (streamId === undefined) return { events: log.events, from: countUpTo(log.events, after) }
  const events = log.streams.get(streamId) ?? []
  return { events, from: Math.max(afterRevision ?? 0, countBefore(events, after)) }
}

/** How many events of a stream, whose positions increase, there are up to a position. */
const countBefore = (events: ReadonlyArray<Stored>, position: Position.Position): number => {
  let [low, high] = [0, events.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const event = events[middle]
    if (event !== undefined && event.position <= position) low = middle + 1
    else high = middle
  }
  return low
}

/** The next page after a position, with its end, however few of the events in it match. */
export const look = (log: Log, after: Position.Position, options: SubscribeOptions): Look => {
  const { events, from } = followed(log, { ...options, after })
  const seen = events.slice(from, from + PAGE_SIZE)
  return {
    events: seen.filter(matching(options)).map(toRecorded),
    position: seen.at(-1)?.position ?? after,
    caughtUp: from + seen.length >= events.length,
    heldBack: false
  }
}

/** What `look` would still give after a position. */
export const backlog = (log: Log, options: SubscribeOptions): Backlog => {
  const { events: all, from } = followed(log, options)
  const matches = matching(options)
  let events = 0
  let first: Stored | undefined
  for (let at = from; at < all.length; at++) {
    const event = all[at]
    if (event === undefined || !matches(event)) continue
    first ??= event
    if (++events === MAX_BACKLOG) break
  }
  return {
    events,
    since: Option.map(Option.fromUndefinedOr(first), (event) =>
      DateTime.makeUnsafe(event.recordedAt)
    ),
    head: head(log)
  }
}

/** The position of the last event. */
export const head = (log: Log): Position.Position => Position.make(BigInt(log.events.length))
