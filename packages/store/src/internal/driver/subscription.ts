/**
 * The loop of a subscription, the same for every store: look, give what is there, wait until there may be more.
 *
 * Catching up and living on are one loop, so there is no hand-over at which an event could be lost or
 * given twice. It looks when it is asked for the next page, and one page ahead while more is there: a slow consumer
 * holds it back.
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

/** Which events a subscription gives, wherever it is. */
export type Filter = Omit<SubscribeOptions, "after">

/** What a store shows of its log behind a position. */
export interface Look {
  readonly events: SubscriptionPage["events"]
  /** How far it got; undefined while the log is not settled up to where the look began. */
  readonly checkpoint: Checkpoint | undefined
  /** Whether this was all that is settled. */
  readonly caughtUp: boolean
  /** Whether an append in flight holds back what comes after. */
  readonly heldBack: boolean
}

/** Where a subscription reads. */
export interface Source<E> {
  /** Fails when `after` is not of the log's history. */
  readonly look: (
    after: Position.Position | Checkpoint,
    filter: Filter
  ) => Effect.Effect<Look, E | CheckpointMismatch>
  /** A latch that is opened when there may be more. */
  readonly join: Effect.Effect<Latch.Latch, never, Scope.Scope>
  /** Waits for the latch, or for as long as this store does without one; `heldBack`: how many looks in a row were. */
  readonly wait: (latch: Latch.Latch, heldBack: number) => Effect.Effect<void>
  /** Whether a look can't be had while the consumer works, as in its transaction, or is had at once. */
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
        // A look that would wait is not taken before its page is asked for.
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
    // Before the look: an append that it no longer sees opens the latch again.
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
    // A bare position becomes a checkpoint as soon as it can, so that a later look notices a restored log.
    after = checkpoint ?? after
    caughtUp = look.caughtUp
    heldBack = look.heldBack ? heldBack + 1 : 0
  }
})
