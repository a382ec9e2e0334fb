/**
 * Follows the log of the memory store: reads and counts the events after a position.
 */
import * as Position from "@daybook/kernel/Position"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type Checkpoint, CheckpointMismatch, position as positionOf } from "../../Checkpoint.ts"
import { type Backlog, type BacklogOptions, MAX_BACKLOG } from "../../Subscription.ts"
import { judge } from "../driver/judgeCheckpoint.ts"
import { countUpTo, type Log, markOf, matching, PAGE_SIZE, type Stored, toRecorded } from "./log.ts"
import type { Filter, Look } from "../driver/subscription.ts"

/** Returns the events to follow, of the log or of a stream, and the index of the first to read. */
const followed = (
  log: Log,
  { after = Position.start, afterRevision, streamId }: BacklogOptions
): { readonly events: ReadonlyArray<Stored>; readonly from: number } => {
  if (streamId === undefined) return { events: log.events, from: countUpTo(log.events, after) }
  const events = log.streams.get(streamId) ?? []
  return { events, from: Math.max(afterRevision ?? 0, countBefore(events, after)) }
}

/** Counts the events of a stream up to a position, by binary search, since positions increase. */
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

/** Returns the checkpoint of the log at a position. */
export const checkpoint = (log: Log, position = head(log)): Checkpoint => ({
  log: log.id,
  position,
  event: markOf(log.events[countUpTo(log.events, position) - 1]) ?? null
})

/** Fails unless the checkpoint belongs to the log's history. */
export const verify = (
  log: Log,
  given: Position.Position | Checkpoint
): Result.Result<void, CheckpointMismatch> => {
  const { event } = checkpoint(log, positionOf(given))
  const reason = judge(given, { log: log.id, newest: head(log), event })
  return reason === undefined ? Result.void : Result.fail(new CheckpointMismatch({ reason }))
}

/**
 * Returns the next page after a position, with its end, even if few or none of its events match.
 */
export const look = (
  log: Log,
  given: Position.Position | Checkpoint,
  filter: Filter
): Result.Result<Look, CheckpointMismatch> =>
  Result.map(verify(log, given), () => {
    const after = positionOf(given)
    const { events, from } = followed(log, { ...filter, after })
    const seen = events.slice(from, from + PAGE_SIZE)
    return {
      events: seen.filter(matching(filter)).map(toRecorded),
      checkpoint: checkpoint(log, seen.at(-1)?.position ?? after),
      caughtUp: from + seen.length >= events.length,
      heldBack: false
    }
  })

/** Counts the events that `look` would still return after a position. */
export const backlog = (log: Log, options: BacklogOptions): Backlog => {
  const { events: all, from } = followed(log, options)
  const matches = matching(options)
  let events = 0
  let since: number | undefined
  for (let at = from; at < all.length; at++) {
    const event = all[at]
    if (event === undefined || !matches(event)) continue
    // Times may decrease along positions.
    since = Math.min(since ?? event.recordedAt, event.recordedAt)
    if (++events === MAX_BACKLOG) break
  }
  return {
    events,
    since: Option.map(Option.fromUndefinedOr(since), DateTime.makeUnsafe),
    head: head(log)
  }
}

/** Returns the position of the last event. */
export const head = (log: Log): Position.Position => Position.make(BigInt(log.events.length))
