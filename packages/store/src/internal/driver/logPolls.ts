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

  const poll = Effect.fnUntraced(function* (
    given: Position.Position | Checkpoint,
    round: Round | undefined
  ): Effect.fn.Return<Poll, E | CheckpointMismatch> {
    const after = positionOf(given)
    const origin = yield* originIn(reads, given, round)
    const { givenEvent, log, newest, settled, settledEvent } = origin
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
    const shared = nothingMatches ? [] : round?.events?.filter(isMatch)
    if (shared !== undefined) {
      return {
        events: shared,
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

  let caughtUp = false
  return (given) =>
    Effect.flatMap(
      caughtUp && join !== undefined ? join(positionOf(given)) : Effect.undefined,
      (round) =>
        Effect.tap(poll(given, round), (polled) =>
          Effect.sync(() => {
            caughtUp = polled.caughtUp
          })
        )
    )
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
