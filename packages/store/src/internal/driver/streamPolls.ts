/**
 * The polls of a follower of one stream.
 *
 * A stream has one writer at a time, until its append is visible, so no revision can appear before
 * one that was seen: there is no open append to wait for.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Effect from "effect/Effect"
import {
  type Checkpoint,
  type CheckpointMismatch,
  isCheckpoint,
  position as positionOf
} from "../../Checkpoint.ts"
import type { Filter, Origin, Poll, Reads } from "../../driver/EventStoreDriver.ts"
import { MAX_REVISION, UnreadableEvent } from "../../EventStore.ts"
import { revisionAsOf } from "./asOf.ts"
import { matching } from "./matching.ts"
import { originOf } from "./originOf.ts"
import { matchesNothing } from "./read.ts"
import type { Join, Round } from "./rounds.ts"
import { ofCategories } from "./streamPrefix.ts"

/** The settled end of the log at a look, up to which a follower has been given its stream. */
type Seen = Pick<Origin, "log" | "settled" | "settledEvent">

/** A poll that read the whole stream. */
interface Before {
  readonly checkpoint: Checkpoint
  readonly seen: Seen
}

/** Makes the polls of one follower. Once it has caught up it joins rounds, if there are any. */
export const make = <E>(
  reads: Reads<E>,
  streamId: StreamId,
  { afterRevision, categories, types }: Omit<Filter, "streamId">,
  join?: Join<E>
): ((
  given: Position.Position | Checkpoint
) => Effect.Effect<Poll, E | CheckpointMismatch | UnreadableEvent>) => {
  const read = reads.stream({ streamId, types })
  const nothingMatches = matchesNothing({ types }) || !ofCategories(streamId, categories)
  const isMatch = matching({ types })
  /** The revision up to which all events had been given at this position. */
  let known = { position: Position.start, revision: 0 as Revision }
  let caughtUpAt: Before | undefined

  const poll = Effect.fnUntraced(function* (
    after: Position.Position,
    { givenEvent, log, settled }: Origin
  ): Effect.fn.Return<Poll, E | UnreadableEvent> {
    const nothing: Poll = {
      events: [],
      // Not above the settled position: an open append may still add another last event up to the
      // position.
      checkpoint: settled >= after ? { log, position: after, event: givenEvent } : undefined,
      caughtUp: true,
      blockedByOpenAppend: false
    }
    if (known.position !== after) {
      const revision = yield* revisionAsOf(reads, streamId, MAX_REVISION as Revision, {
        _tag: "Position",
        position: after
      })
      known = { position: after, revision }
    }
    const lowest = lowestOf(known.revision)
    const end = yield* reads.end(streamId)
    if (end === undefined || end.revision < lowest) return nothing
    const checkpoint = { log, position: end.position, event: end.event }
    if (nothingMatches) {
      known = { position: end.position, revision: end.revision }
      return { ...nothing, checkpoint }
    }
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

  // A revision of the stream, so the cast adds only the brand.
  const lowestOf = (given: Revision) => (Math.max(given, afterRevision ?? 0) + 1) as Revision

  /** Returns the poll that a round has the events of; undefined if the stream has to be read. */
  const pollOf = ({
    checkpoint,
    round,
    seen
  }: Before & { readonly round: Round }): Poll | undefined => {
    const { end, events } = round
    // Past the settled position the stream may have events that the round did not read.
    if (end.newest > end.settled) return undefined
    const nothing: Poll = { events: [], checkpoint, caughtUp: true, blockedByOpenAppend: false }
    if (end.settled === seen.settled) return nothing
    const added = events?.filter(
      (event) => event.streamId === streamId && event.revision > known.revision
    )
    if (added === undefined) return undefined
    const lowest = lowestOf(known.revision)
    const last = added.at(-1)
    if (last === undefined || last.revision < lowest) return nothing
    if (last.position <= checkpoint.position) return undefined
    known = { position: last.position, revision: last.revision }
    return {
      ...nothing,
      events: nothingMatches
        ? []
        : added.filter((event) => event.revision >= lowest && isMatch(event)),
      checkpoint: { log: end.log, position: last.position, event: EventMark.of(last) }
    }
  }

  return Effect.fnUntraced(function* (
    given: Position.Position | Checkpoint
  ): Effect.fn.Return<Poll, E | CheckpointMismatch | UnreadableEvent> {
    const after = positionOf(given)
    const before =
      caughtUpAt !== undefined && isSame(given, caughtUpAt.checkpoint) && known.position === after
        ? caughtUpAt
        : undefined
    const round =
      before === undefined || join === undefined ? undefined : yield* join(before.seen.settled)
    const inRound =
      before !== undefined && round !== undefined && isOneHistory(before.seen, round)
        ? { ...before, round }
        : undefined
    const origin =
      inRound === undefined
        ? yield* originOf(reads, given)
        : { ...inRound.round.end, givenEvent: inRound.checkpoint.event }
    const polled = (inRound && pollOf(inRound)) ?? (yield* poll(after, origin))
    const { caughtUp, checkpoint } = polled
    const seen = round?.end ?? origin
    // A checkpoint past the settled position is proved by looks at itself only.
    caughtUpAt =
      caughtUp && checkpoint !== undefined && checkpoint.position <= seen.settled
        ? { checkpoint, seen }
        : undefined
    return polled
  })
}

const isSame = (given: Position.Position | Checkpoint, { event, log, position }: Checkpoint) =>
  isCheckpoint(given) && given.position === position && given.event === event && given.log === log

/**
 * Returns true if the log has kept all its events up to the end that a follower has seen. Then it
 * has kept those up to the follower's checkpoint, which the look at that end had proved.
 */
const isOneHistory = ({ log, settledEvent }: Seen, { end, event }: Round): boolean =>
  event === settledEvent && end.log === log
