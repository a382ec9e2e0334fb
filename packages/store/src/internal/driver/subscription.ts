/**
 * The loop of a subscription, the same for every store: poll, emit the events, wait until there may
 * be more.
 *
 * Catching up and following live are one loop, so there is no hand-over at which an event could be
 * lost or emitted twice. It polls when the next page is requested, and one page ahead while more is
 * there: a slow consumer holds it back.
 */
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  type Checkpoint,
  type CheckpointMismatch,
  position as positionOf
} from "../../Checkpoint.ts"
import type { Filter, Poll } from "../../driver/EventStoreDriver.ts"
import type { WakeUps } from "../../driver/WakeUps.ts"
import type { InvalidReadOption } from "../../EventStore.ts"
import type { SubscribeOptions, SubscriptionPage } from "../../Subscription.ts"
import * as ReadAhead from "./readAhead.ts"
import { readOptions, validStart } from "./readOptions.ts"

/** The log that subscriptions read. */
export interface Source<E> {
  /** Makes the polls of one subscription. A poll fails when `after` is not of the log's history. */
  readonly polls: (
    filter: Filter
  ) => (after: Position.Position | Checkpoint) => Effect.Effect<Poll, E | CheckpointMismatch>
  readonly wakeUps: WakeUps
  /**
   * True if a poll can't run while the consumer works, as inside its transaction, or if it is
   * immediate: then the subscription does not read ahead.
   */
  readonly alone: Effect.Effect<boolean>
}

export const pages = <E>(
  source: Source<E>,
  options: SubscribeOptions
): Stream.Stream<SubscriptionPage, E | InvalidReadOption | CheckpointMismatch> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { after = Position.start, ...filter } = options
      yield* Effect.fromResult(
        Result.andThen(validStart(after), () =>
          readOptions({ ...filter, after: positionOf(after) })
        )
      )
      const latch = yield* source.wakeUps.join
      const poll = source.polls(filter)
      const start: State = {
        after,
        caughtUp: false,
        blockedPolls: 0
      }
      return ReadAhead.paginate(start, (state) => next(poll, source.wakeUps.wait, latch, state), {
        // A poll that would wait does not start before its page is requested.
        ready: (state) => !state.caughtUp,
        alone: source.alone
      })
    })
  )

interface State {
  readonly after: Position.Position | Checkpoint
  readonly caughtUp: boolean
  readonly blockedPolls: number
}

const next = Effect.fnUntraced(function* <E>(
  poll: ReturnType<Source<E>["polls"]>,
  wait: WakeUps["wait"],
  latch: Latch.Latch,
  { after, blockedPolls, caughtUp }: State
) {
  for (;;) {
    if (caughtUp) yield* wait(latch, blockedPolls)
    // Closed before the poll: an append that the poll misses opens the latch again.
    latch.closeUnsafe()
    const polled = yield* poll(after)
    const { checkpoint, events } = polled
    if (checkpoint !== undefined && checkpoint.position > positionOf(after)) {
      const { position } = checkpoint
      const state: State = {
        after: checkpoint,
        caughtUp: polled.caughtUp,
        blockedPolls: polled.blockedByOpenAppend ? 1 : 0
      }
      return [[{ events, position, checkpoint }], Option.some(state)] as const
    }
    // A bare position becomes a checkpoint as soon as possible, so that later polls detect a
    // restored log.
    after = checkpoint ?? after
    caughtUp = polled.caughtUp
    blockedPolls = polled.blockedByOpenAppend ? blockedPolls + 1 : 0
  }
})
