/**
 * The polls of subscriptions: each reads the settled end of the log, proves that its start belongs
 * to the log's history, and reads the next page; for authors of stores.
 *
 * @since 0.1.0
 */
import type * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import { type Checkpoint, CheckpointMismatch, position as positionOf } from "../Checkpoint.ts"
import type { UnreadableEvent } from "../EventStore.ts"
import * as LogPolls from "../internal/driver/logPolls.ts"
import * as OneHistory from "../internal/driver/oneHistory.ts"
import * as Recent from "../internal/driver/recent.ts"
import * as Rounds from "../internal/driver/rounds.ts"
import * as StreamPolls from "../internal/driver/streamPolls.ts"
import type { Filter, Poll, Reads } from "./EventStoreDriver.ts"

/**
 * Makes the polls of one subscription, which share nothing with others.
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
  filter: Filter
): ((
  after: Position.Position | Checkpoint
) => Effect.Effect<Poll, E | CheckpointMismatch | UnreadableEvent>) =>
  makeWith(reads, filter, undefined)

/**
 * Makes the polls of all subscriptions of a store. Those that have caught up share their reads: one
 * look at the settled end serves all that wait for it, and one read of the events after that those
 * that stand at the same place, whatever their filters.
 *
 * **Details**
 * The polls are those of {@link make}, for a store whose reads take time. `alone`: true if the
 * caller's reads must stay on its own connection, as in its transaction; then it shares nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeShared = <E>(
  reads: Reads<E>,
  alone: Effect.Effect<boolean> = Effect.succeed(false)
): ((
  filter: Filter
) => (
  after: Position.Position | Checkpoint
) => Effect.Effect<Poll, E | CheckpointMismatch | UnreadableEvent>) => {
  const join = Rounds.make(reads, alone)
  const recent = reads.term && Recent.make(reads, reads.term)
  return (filter) => makeWith(reads, filter, join, recent)
}

const makeWith = <E>(
  reads: Reads<E>,
  { streamId, ...filter }: Filter,
  join: Rounds.Join<E> | undefined,
  recent?: Recent.Recent<E>
) => {
  const poll =
    streamId === undefined
      ? LogPolls.make(reads, filter, join)
      : StreamPolls.make(reads, streamId, filter, join)
  const { term } = reads
  if (term === undefined) return poll
  const { check, lossUnsafe, noteUnsafe } = recent ?? Recent.make(reads, term)
  let followed = term()
  return Effect.fnUntraced(function* (
    after: Position.Position | Checkpoint
  ): Effect.fn.Return<Poll, E | CheckpointMismatch | UnreadableEvent> {
    // The page of a poll must be of the history that its start was compared with.
    const [polled, now] = yield* OneHistory.stably(
      term,
      Effect.gen(function* () {
        if (term() !== followed) {
          yield* check
          const loss = lossUnsafe(followed, positionOf(after))
          if (loss !== undefined) {
            const { given, position } = loss
            const { givenEvent: recorded, log } = yield* reads.origin(position)
            const reason = { _tag: "OtherEvent", position, given, recorded, log } as const
            return yield* new CheckpointMismatch({ reason })
          }
        }
        return yield* poll(after)
      })
    )
    followed = now
    if (polled.caughtUp) noteUnsafe(polled.events)
    return polled
  })
}
