/**
 * The end of a prefix of a stream or of the log, found by reading where a driver has no faster way.
 */
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { AsOf, EventStoreDriver, Reads } from "../../driver/EventStoreDriver.ts"

/** Returns the last revision up to `upTo` that is as of the bound, 0 if none is. */
export const revisionAsOf = <E>(
  reads: Reads<E>,
  streamId: StreamId,
  upTo: Revision,
  bound: AsOf
): Effect.Effect<Revision, E> =>
  reads.revisionAsOf === undefined
    ? Effect.flatMap(reads.end(streamId, upTo), (end) =>
        end === undefined
          ? // Before the first event; the cast adds the brand.
            Effect.succeed(0 as Revision)
          : bound._tag === "OccurredAt"
            ? byReading(reads, streamId, end.revision, bound.millis)
            : byHalving(reads, streamId, end.revision, bound)
      )
    : reads.revisionAsOf(streamId, upTo, bound)

/** Halves: neither positions nor times of recording go back along a stream. */
const byHalving = Effect.fnUntraced(function* <E>(
  reads: Reads<E>,
  streamId: StreamId,
  last: Revision,
  bound: Exclude<AsOf, { readonly _tag: "OccurredAt" }>
): Effect.fn.Return<Revision, E> {
  const read = reads.stream({ streamId })
  const isAsOf = ({ position, recordedAt }: RecordedEvent) =>
    bound._tag === "Position"
      ? position <= bound.position
      : DateTime.toEpochMillis(recordedAt) <= bound.millis
  let [low, high] = [0, last + 1]
  while (high - low > 1) {
    // Between two revisions of the stream, so the casts add only the brand.
    const middle = Math.floor((low + high) / 2) as Revision
    const range = { lowest: middle, highest: middle, direction: "forward", limit: 1 } as const
    const [event] = (yield* read(range)).events
    if (event !== undefined && isAsOf(event)) low = middle
    else high = middle
  }
  return low as Revision
})

/** Reads until an event occurred later: that may be anywhere. */
const byReading = Effect.fnUntraced(function* <E>(
  reads: Reads<E>,
  streamId: StreamId,
  last: Revision,
  millis: number
): Effect.fn.Return<Revision, E> {
  const read = reads.stream({ streamId })
  // Revisions from 1 to the last one, so the casts add only the brand.
  for (let lowest = 1; lowest <= last;) {
    const page = yield* read({
      lowest: lowest as Revision,
      highest: last,
      direction: "forward",
      limit: Number.MAX_SAFE_INTEGER
    })
    const later = page.events.find(({ occurredAt }) => DateTime.toEpochMillis(occurredAt) > millis)
    if (later !== undefined) return (later.revision - 1) as Revision
    lowest = page.readTo + 1
  }
  return last
})

/** Returns the position before the first event up to `settled` that was recorded later. */
export const positionAsOf = <E>(
  driver: Pick<EventStoreDriver<E>, "log" | "positionAsOf">,
  settled: Position.Position,
  instant: DateTime.Utc
): Effect.Effect<Position.Position, E> =>
  driver.positionAsOf === undefined
    ? firstLater(driver, settled, DateTime.toEpochMillis(instant))
    : driver.positionAsOf(settled, instant)

const firstLater = Effect.fnUntraced(function* <E>(
  { log }: Pick<EventStoreDriver<E>, "log">,
  settled: Position.Position,
  millis: number
): Effect.fn.Return<Position.Position, E> {
  const read = log({})
  // Positions from 1 to the settled one, so the casts add only the brand.
  for (let lowest = 1n; lowest <= settled;) {
    const page = yield* read({
      lowest: lowest as Position.Position,
      highest: settled,
      direction: "forward",
      limit: Number.MAX_SAFE_INTEGER
    })
    const later = page.events.find(({ recordedAt }) => DateTime.toEpochMillis(recordedAt) > millis)
    if (later !== undefined) return (later.position - 1n) as Position.Position
    lowest = page.readTo + 1n
  }
  return settled
})
