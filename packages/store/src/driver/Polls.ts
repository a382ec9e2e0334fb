/**
 * The polls of a subscription: each reads the settled end of the log, proves that its start belongs
 * to the log's history, and reads the next page; for authors of stores.
 *
 * @since 0.1.0
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Effect from "effect/Effect"
import { type Checkpoint, CheckpointMismatch, position as positionOf } from "../Checkpoint.ts"
import { MAX_REVISION, UnreadableEvent } from "../EventStore.ts"
import { revisionAsOf } from "../internal/driver/asOf.ts"
import { judge } from "../internal/driver/judgeCheckpoint.ts"
import { matchesNothing, next } from "../internal/driver/read.ts"
import { ofCategories } from "../internal/driver/streamPrefix.ts"
import type { Filter, Origin, Poll, Reads } from "./EventStoreDriver.ts"

/**
 * Makes the polls of one subscription.
 *
 * **Details**
 * The statements of a poll follow one another: its page is read after the settled position, which
 * is half of the proof that nothing is missed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E>(
  reads: Reads<E>,
  { streamId, ...filter }: Filter
): ((
  after: Position.Position | Checkpoint
) => Effect.Effect<Poll, E | CheckpointMismatch | UnreadableEvent>) =>
  streamId === undefined ? ofLog(reads, filter) : ofStream(reads, streamId, filter)

/**
 * Returns the origin of a position or checkpoint, and fails when it is not of the log's history.
 *
 * @category operations
 * @since 0.1.0
 */
export const originOf = <E>(
  reads: Pick<Reads<E>, "origin">,
  given: Position.Position | Checkpoint
): Effect.Effect<Origin, E | CheckpointMismatch> =>
  Effect.flatMap(reads.origin(positionOf(given)), (origin) => {
    const { givenEvent: event, log, newest } = origin
    const reason = judge(given, { log, newest, event })
    return reason === undefined ? Effect.succeed(origin) : new CheckpointMismatch({ reason })
  })

const ofLog = <E>(reads: Reads<E>, { categories, types }: Filter) => {
  const read = reads.log({ categories, types })
  const nothingMatches = matchesNothing({ categories, types })
  return Effect.fnUntraced(function* (
    given: Position.Position | Checkpoint
  ): Effect.fn.Return<Poll, E | CheckpointMismatch> {
    const after = positionOf(given)
    const { givenEvent, log, newest, settled, settledEvent } = yield* originOf(reads, given)
    const blockedByOpenAppend = newest > settled
    const at = (position: Position.Position, event: EventMark.EventMark | null) => ({
      log,
      position,
      event
    })
    if (settled <= after) {
      const checkpoint = settled === after ? at(settled, givenEvent) : undefined
      return { events: [], checkpoint, caughtUp: true, blockedByOpenAppend }
    }
    if (nothingMatches) {
      return {
        events: [],
        checkpoint: at(settled, settledEvent),
        caughtUp: true,
        blockedByOpenAppend
      }
    }
    const { events, readTo } = yield* read({
      lowest: next(after, 1),
      highest: settled,
      direction: "forward",
      limit: Number.MAX_SAFE_INTEGER
    })
    const last = events.at(-1)
    const event =
      last !== undefined && readTo === last.position
        ? EventMark.of(last)
        : readTo === settled
          ? settledEvent
          : (yield* reads.origin(readTo)).givenEvent
    return {
      events,
      checkpoint: at(readTo, event),
      caughtUp: readTo === settled,
      blockedByOpenAppend
    }
  })
}

/**
 * A stream has one writer at a time, until its append is visible, so no revision can appear before
 * one that was seen: there is no open append to wait for.
 */
const ofStream = <E>(
  reads: Reads<E>,
  streamId: StreamId,
  { afterRevision, categories, types }: Filter
) => {
  const read = reads.stream({ streamId, types })
  const nothingMatches = matchesNothing({ types }) || !ofCategories(streamId, categories)
  /** The revision up to which all events had been given at this position. */
  let known = { position: Position.start, revision: 0 as Revision }
  return Effect.fnUntraced(function* (
    given: Position.Position | Checkpoint
  ): Effect.fn.Return<Poll, E | CheckpointMismatch | UnreadableEvent> {
    const after = positionOf(given)
    const { givenEvent, log, settled } = yield* originOf(reads, given)
    const nothing: Poll = {
      events: [],
      // Not above the settled position: an open append may still add another last event up to the
      // position.
      checkpoint: settled >= after ? { log, position: after, event: givenEvent } : undefined,
      caughtUp: true,
      blockedByOpenAppend: false
    }
    const seen =
      known.position === after
        ? known.revision
        : yield* revisionAsOf(reads, streamId, MAX_REVISION as Revision, {
            _tag: "Position",
            position: after
          })
    // Revisions of the stream, so the casts add only the brand.
    const lowest = (Math.max(seen, afterRevision ?? 0) + 1) as Revision
    const end = yield* reads.end(streamId)
    if (end === undefined || end.revision < lowest) return nothing
    const checkpoint = { log, position: end.position, event: end.event }
    if (nothingMatches) return { ...nothing, checkpoint }
    const { events, readTo } = yield* read({
      lowest,
      highest: end.revision,
      direction: "forward",
      limit: Number.MAX_SAFE_INTEGER
    })
    const last = events.at(-1)
    const place =
      readTo === end.revision
        ? end
        : readTo === last?.revision
          ? { position: last.position, event: EventMark.of(last) }
          : yield* reads.end(streamId, readTo)
    if (place === undefined || place.position <= after) {
      // The subscription would read the same events for ever.
      return yield* new UnreadableEvent({
        position: place?.position ?? after,
        eventId: place === undefined ? "" : EventMark.eventId(place.event),
        streamId,
        revision: readTo,
        issue: `its revision comes after one at position ${after}`
      })
    }
    known = { position: place.position, revision: readTo }
    return {
      events,
      checkpoint: { log, position: place.position, event: place.event },
      caughtUp: readTo === end.revision,
      blockedByOpenAppend: false
    }
  })
}
