/**
 * Delivers the events of a parked key from the log, in order, until none waits.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Assignment } from "../../ConsumerGroups.ts"
import type { HeldKey } from "../../HeldKey.ts"
import type { Reactor } from "../../Reactor.ts"
import { type Attempt, ReactionFailed } from "./attempt.ts"
import type { HeldKeys, Parked } from "./heldKeys.ts"

export interface Releasing<R> {
  readonly reactor: Reactor<R>
  readonly assignment: Assignment
  readonly attempt: Attempt<R>
  readonly held: HeldKeys
  /** The permit to hand events out: with it, no further event of a key begins to wait. */
  readonly handing: Semaphore.Semaphore
}

export const release = Effect.fnUntraced(function* <R>(
  { assignment, attempt, handing, held, reactor }: Releasing<R>,
  parked: Parked,
  act: HeldKey["asked"]
) {
  const { key } = parked
  const dropped = act === "drop" ? parked.from : undefined
  /** The last event that was delivered, while the row is still at it. */
  let delivered: RecordedEvent | undefined
  const hold = { isOver: false }

  /** Reacts to an event; returns false if it is parked again. */
  const deliver = Effect.fnUntraced(function* (
    event: RecordedEvent,
    settled: "alone" | "with its row",
    next: RecordedEvent | undefined
  ) {
    if (event.position === dropped) {
      if (settled === "with its row") yield* assignment.settle(key, next, Effect.void)
      return true
    }
    while (true) {
      const exit = yield* attempt
        .retried(event, [key], (reaction) =>
          settled === "with its row" ? assignment.settle(key, next, reaction) : reaction
        )
        .pipe(
          Effect.as(undefined),
          Effect.catchIf(
            (error) => error instanceof ReactionFailed,
            (failure) => Effect.succeed(failure)
          )
        )
      if (exit === undefined) return true
      const outcome = yield* held.failed(exit)
      if (outcome === "parked") return false
      if (outcome === "over") {
        if (settled === "with its row") yield* assignment.settle(key, next, Effect.void)
        return true
      }
    }
  })

  /** Delivers an event that another one follows, and moves the row to that. */
  const deliverBefore = Effect.fnUntraced(function* (event: RecordedEvent, next: RecordedEvent) {
    if (reactor.transactional) {
      if (!(yield* deliver(event, "with its row", next))) return false
    } else {
      if (!(yield* deliver(event, "alone", next))) return false
      yield* assignment.settle(key, next, Effect.void)
    }
    parked.from = next.position
    return true
  })

  const end = Effect.map(assignment.settle(key, undefined, Effect.void), () => {
    held.endUnsafe(key)
    hold.isOver = true
  })

  /** Delivers the last event that waits, and ends the hold unless a further one waits by now. */
  const deliverLast = Effect.fnUntraced(function* (event: RecordedEvent, upTo: bigint) {
    if (!reactor.transactional) {
      if (!(yield* deliver(event, "alone", undefined))) return false
      delivered = event
      yield* handing.withPermit(Effect.suspend(() => (parked.upTo > upTo ? Effect.void : end)))
      return true
    }
    return yield* handing.withPermit(
      Effect.gen(function* () {
        if (parked.upTo > upTo) return true
        if (!(yield* deliver(event, "with its row", undefined))) return false
        held.endUnsafe(key)
        hold.isOver = true
        return true
      })
    )
  })

  while (!hold.isOver) {
    const { upTo } = parked
    yield* held.recordWaits
    let isParked = false
    let isEmpty = true
    yield* assignment.eventsOf(key, { from: parked.from, upTo }).pipe(
      Stream.filter(({ position }) => delivered === undefined || position > delivered.position),
      Stream.zipWithNext,
      Stream.runForEachWhile(([event, next]) =>
        Effect.gen(function* () {
          isEmpty = false
          if (delivered !== undefined) {
            yield* assignment.settle(key, event, Effect.void)
            parked.from = event.position
            delivered = undefined
          }
          const isDelivered = Option.isSome(next)
            ? yield* deliverBefore(event, next.value)
            : yield* deliverLast(event, upTo)
          isParked = !isDelivered
          return isDelivered
        })
      )
    )
    if (isParked) return
    // The first event was not handed out again yet: the act is asked again later.
    if (isEmpty && held.handedUnsafe() < parked.from) {
      parked.isReleasing = false
      return
    }
    // Nothing waits: readers pass over the event now.
    if (isEmpty) {
      yield* handing.withPermit(Effect.suspend(() => (parked.upTo > upTo ? Effect.void : end)))
    }
  }
})
