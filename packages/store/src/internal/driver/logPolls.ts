/**
 * The polls of a follower of the log.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import {
  type Checkpoint,
  type CheckpointMismatch,
  position as positionOf
} from "../../Checkpoint.ts"
import type { LogFilter, Origin, Poll, Reads } from "../../driver/EventStoreDriver.ts"
import { matching } from "./matching.ts"
import { judged, originOf } from "./originOf.ts"
import { matchesNothing, next } from "./read.ts"
import type { Join, Round } from "./rounds.ts"

/** Makes the polls of one follower. Once it has caught up it joins rounds, if there are any. */
export const make = <E>(
  reads: Reads<E>,
  filter: LogFilter,
  join?: Join<E>
): ((given: Position.Position | Checkpoint) => Effect.Effect<Poll, E | CheckpointMismatch>) => {
  const read = reads.log(filter)
  const nothingMatches = matchesNothing(filter)
  const isMatch = matching(filter)
  let caughtUp = false

  /** Returns the poll that needs no read of its own; undefined if there is something to read. */
  const pollOf = (
    after: Position.Position,
    { givenEvent, log, newest, settled, settledEvent }: Origin,
    round: Round | undefined
  ): Poll | undefined => {
    const reached = { caughtUp: true, blockedByOpenAppend: newest > settled }
    if (settled <= after) {
      const checkpoint =
        settled === after ? { log, position: settled, event: givenEvent } : undefined
      return { ...reached, events: [], checkpoint }
    }
    const events = nothingMatches ? [] : round?.events?.filter(isMatch)
    const checkpoint = { log, position: settled, event: settledEvent }
    return events && { ...reached, events, checkpoint }
  }

  const readOn = Effect.fnUntraced(function* (
    after: Position.Position,
    { log, newest, settled, settledEvent }: Origin
  ): Effect.fn.Return<Poll, E> {
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
      checkpoint: { log, position: readTo, event },
      caughtUp: readTo === settled,
      blockedByOpenAppend: newest > settled
    }
  })

  return Effect.fnUntraced(function* (given: Position.Position | Checkpoint) {
    const after = positionOf(given)
    const round = caughtUp && join !== undefined ? yield* join(after) : undefined
    const origin = yield* originIn(reads, given, round)
    const polled = pollOf(after, origin, round) ?? (yield* readOn(after, origin))
    caughtUp = polled.caughtUp
    return polled
  })
}

/** Proves the checkpoint by the round if that has its mark, and by a look of its own otherwise. */
const originIn = <E>(
  reads: Reads<E>,
  given: Position.Position | Checkpoint,
  round: Round | undefined
): Effect.Effect<Origin, E | CheckpointMismatch> => {
  if (round === undefined) return originOf(reads, given)
  const { end, event } = round
  return event === undefined
    ? // The poll ends where the round does, so that the follower stands with the others next time.
      Effect.map(originOf(reads, given), (origin) => ({ ...origin, ...end }))
    : judged(given, { ...end, givenEvent: event })
}
