/**
 * The loop of a subscription, the same for every store: look, emit the events, wait until there may
 * be more.
 *
 * Catching up and following live are one loop, so there is no hand-over at which an event could be
 * lost or emitted twice. It looks when the next page is requested, and one page ahead while more is
 * there: a slow consumer holds it back.
 */
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  type Checkpoint,
  type CheckpointMismatch,
  position as positionOf
} from "../../Checkpoint.ts"
import type { InvalidReadOption } from "../../EventStore.ts"
import type { SubscribeOptions, SubscriptionPage } from "../../Subscription.ts"
import * as ReadAhead from "./readAhead.ts"
import { readOptions, validStart } from "./readOptions.ts"

/** Selects the events of a subscription, apart from its position. */
export type Filter = Omit<SubscribeOptions, "after">

/** The part of a log after a position that a store returns at once. */
export interface Look {
  readonly events: SubscriptionPage["events"]
  /** The end of the look; undefined while the log is not settled up to its start. */
  readonly checkpoint: Checkpoint | undefined
  /** True if the look reached the end of the settled log. */
  readonly caughtUp: boolean
  /** True if an append in flight holds back later events. */
  readonly heldBack: boolean
}

/** The log that a subscription reads. */
export interface Source<E> {
  /** Fails when `after` is not of the log's history. */
  readonly look: (
    after: Position.Position | Checkpoint,
    filter: Filter
  ) => Effect.Effect<Look, E | CheckpointMismatch>
  /** A latch that is opened when there may be more. */
  readonly join: Effect.Effect<Latch.Latch, never, Scope.Scope>
  /**
   * Waits for the latch, at most for as long as the store goes without a wake-up. `heldBack`: the
   * number of looks in a row that were held back.
   */
  readonly wait: (latch: Latch.Latch, heldBack: number) => Effect.Effect<void>
  /**
   * True if a look can't run while the consumer works, as inside its transaction, or if it is
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
      const latch = yield* source.join
      const start: State = {
        after,
        caughtUp: false,
        heldBack: 0
      }
      return ReadAhead.paginate(start, (state) => next(source, filter, latch, state), {
        // A look that would wait does not start before its page is requested.
        ready: (state) => !state.caughtUp,
        alone: source.alone
      })
    })
  )

interface State {
  readonly after: Position.Position | Checkpoint
  readonly caughtUp: boolean
  readonly heldBack: number
}

const next = Effect.fnUntraced(function* <E>(
  source: Source<E>,
  filter: Filter,
  latch: Latch.Latch,
  { after, caughtUp, heldBack }: State
) {
  for (;;) {
    if (caughtUp) yield* source.wait(latch, heldBack)
    // Closed before the look: an append that the look misses opens the latch again.
    latch.closeUnsafe()
    const look = yield* source.look(after, filter)
    const { checkpoint, events } = look
    if (checkpoint !== undefined && checkpoint.position > positionOf(after)) {
      const { position } = checkpoint
      const state: State = {
        after: checkpoint,
        caughtUp: look.caughtUp,
        heldBack: look.heldBack ? 1 : 0
      }
      return [[{ events, position, checkpoint }], Option.some(state)] as const
    }
    // A bare position becomes a checkpoint as soon as possible, so that later looks detect a
    // restored log.
    after = checkpoint ?? after
    caughtUp = look.caughtUp
    heldBack = look.heldBack ? heldBack + 1 : 0
  }
})
