/**
 * The streams of the memory store's log, and the position as of an instant.
 */
import * as Position from "@daybook/kernel/Position"
import type * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { StreamFacts, StreamsOptions } from "../../StreamFacts.ts"
import { type Log, prefixLength } from "./log.ts"
import { wholePrefix } from "../driver/streamPrefix.ts"

/** Lists the current streams that match the options. */
export const streams = (log: Log, options: StreamsOptions): ReadonlyArray<StreamFacts> => {
  const prefix = wholePrefix(options)
  if (prefix === undefined) return []
  const { after, limit } = options
  return Array.from(log.streams.keys())
    .filter((id) => id.startsWith(prefix) && (after === undefined || byCodePoints(id, after) > 0))
    .toSorted(byCodePoints)
    .slice(0, limit)
    .flatMap((id) => Option.toArray(stream(log, id)))
}

/** Returns the facts of a stream, if it exists. */
export const stream = (log: Log, streamId: StreamId): Option.Option<StreamFacts> => {
  const events = log.streams.get(streamId) ?? []
  return Option.map(Option.fromUndefinedOr(events.at(-1)), (last) => ({
    streamId,
    // The log counts revisions itself, so the cast adds only the brand.
    revision: events.length as Revision.Revision,
    position: last.position,
    occurredAt: DateTime.makeUnsafe(last.occurredAt),
    recordedAt: DateTime.makeUnsafe(last.recordedAt)
  }))
}

/** Returns the last position before the first event that was recorded later. */
export const positionAt = (log: Log, recordedAt: DateTime.Utc): Position.Position =>
  Position.make(BigInt(prefixLength(log.events, { recordedAt })))

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
