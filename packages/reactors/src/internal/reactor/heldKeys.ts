/**
 * The held keys of a range, on its host: which events wait, and the acts on them.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import type { ConsumerGroupsError, LeaseLost } from "../../ConsumerGroup.ts"
import type { Assignment } from "../../ConsumerGroups.ts"
import type { HeldKey, Waiting } from "../../HeldKey.ts"
import type { Reactor } from "../../Reactor.ts"
import type { ReactionFailed } from "./attempt.ts"

type Act = NonNullable<HeldKey["asked"]>

/** A parked key. */
export interface Parked {
  readonly key: string
  /** The position of the first event that waits. */
  from: Position
  /** The position up to which events of the key wait in the log. */
  upTo: Position
  isReleasing: boolean
}

export interface HeldKeys {
  readonly parked: ReadonlyMap<string, Parked>
  /** Returns the position up to which events were handed out, or wait. */
  readonly handedUnsafe: () => Position
  /** Notes that a page was handed out. */
  readonly passedUnsafe: (position: Position) => void
  /** Open while no event has stopped the range. */
  readonly running: Latch.Latch
  /** Open while an event stops the range. */
  readonly stopped: Latch.Latch
  /** Returns true if the event waits behind a parked one, and notes it. */
  readonly waitsUnsafe: (key: string, event: RecordedEvent) => boolean
  /** Records the events that wait, before a checkpoint passes them. */
  readonly recordWaits: Effect.Effect<void, LeaseLost | ConsumerGroupsError>
  /**
   * Handles a failure by the policy: returns `again` if the event is to be tried again, `over` if
   * it is left out, and `parked` if it waits. Waits for an act if the failure stops the range.
   */
  readonly failed: (
    failure: ReactionFailed
  ) => Effect.Effect<"again" | "over" | "parked", LeaseLost | ConsumerGroupsError>
  /** Ends a stop of an earlier host or attempt at this event, which succeeded now. */
  readonly succeeded: (
    key: string,
    event: RecordedEvent
  ) => Effect.Effect<void, LeaseLost | ConsumerGroupsError>
  /** Passes an act on to the event that waits for it; returns the key if it is parked. */
  readonly askedUnsafe: (held: HeldKey) => Parked | undefined
  /** Ends the hold of a parked key. */
  readonly endUnsafe: (key: string) => void
  /** Returns the number of keys whose events stopped the range before. */
  readonly tryingUnsafe: () => number
}

export const make = Effect.fnUntraced(function* <R>(
  { group, maxParked, onFailure }: Reactor<R>,
  assignment: Assignment
) {
  const parked = new Map<string, Parked>()
  let handed = assignment.checkpoint.position
  /** The events that stopped the range before, and are tried again. */
  const earlier = new Map<string, Pick<HeldKey, "position" | "attempts">>()
  const unrecorded: Array<Waiting> = []
  // A checkpoint waits for a record that is being written.
  const recording = Semaphore.makeUnsafe(1)
  const waiting = new Map<string, Deferred.Deferred<Act>>()
  const running = Latch.makeUnsafe(true)
  const stopped = Latch.makeUnsafe()
  for (const held of yield* assignment.held) {
    const { key, position } = held
    // An event up to the checkpoint is not read again, and one that is to be dropped is not tried
    // again: both wait for an act, as parked ones do.
    const isReadAgain = position > assignment.checkpoint.position
    if (held.state === "stopped" && isReadAgain && held.asked !== "drop") earlier.set(key, held)
    else {
      parked.set(key, {
        key,
        from: position,
        upTo: assignment.checkpoint.position,
        isReleasing: false
      })
    }
  }

  const hold = (failure: ReactionFailed, key: string, state: HeldKey["state"]) => {
    const { event, issue } = failure
    const attempts = failure.attempts + (earlier.get(key)?.attempts ?? 0)
    earlier.set(key, { position: event.position, attempts })
    return assignment.hold({
      key,
      state,
      position: event.position,
      event: EventMark.of(event),
      streamId: event.streamId,
      type: event.type,
      issue,
      attempts
    })
  }

  const stop = Effect.fnUntraced(function* (failure: ReactionFailed, key: string) {
    const { event, issue } = failure
    running.closeUnsafe()
    yield* hold(failure, key, "stopped")
    yield* Effect.logError(
      `${group.name} is stopped by ${event.type} of ${event.streamId} at position ${event.position}: ${issue}`
    )
    const asked = Deferred.makeUnsafe<Act>()
    waiting.set(key, asked)
    stopped.openUnsafe()
    const act = yield* Deferred.await(asked)
    waiting.delete(key)
    if (act === "drop") {
      earlier.delete(key)
      yield* assignment.settle(key, undefined, Effect.void)
    }
    if (waiting.size === 0) {
      stopped.closeUnsafe()
      running.openUnsafe()
    }
    return act === "drop" ? ("over" as const) : ("again" as const)
  })

  const held: HeldKeys = {
    parked,
    running,
    stopped,
    handedUnsafe: () => handed,
    passedUnsafe: (position) => {
      handed = position
    },
    recordWaits: recording.withPermit(
      Effect.suspend(() =>
        unrecorded.length === 0 ? Effect.void : assignment.wait(unrecorded.splice(0))
      )
    ),
    waitsUnsafe: (key, event) => {
      const found = parked.get(key)
      if (found === undefined || event.position < found.from) return false
      if (event.position > found.upTo) {
        found.upTo = event.position
        // The events of a stream are found by it.
        if (group.key !== undefined) unrecorded.push({ key, position: event.position })
      }
      return true
    },
    failed: Effect.fnUntraced(function* (failure) {
      const { event, issue, key } = failure
      if (onFailure === "skip") {
        yield* assignment.skip(event, issue)
        return "over"
      }
      // Later events of a parked key may be up to the checkpoint, and only a parked row finds them
      // again. So a failure in a release parks the key again, whatever the policy is by now.
      const isParked = parked.has(key)
      if (onFailure === "stop" && !isParked) return yield* stop(failure, key)
      const count = yield* hold(failure, key, "parked")
      if (count > maxParked && !isParked) return yield* stop(failure, key)
      earlier.delete(key)
      const { position } = event
      const upTo = parked.get(key)?.upTo ?? position
      parked.set(key, { key, from: position, upTo, isReleasing: false })
      return "parked"
    }),
    succeeded: (key, event) => {
      const before = earlier.get(key)
      if (before === undefined || event.position < before.position) return Effect.void
      earlier.delete(key)
      return assignment.settle(key, undefined, Effect.void)
    },
    askedUnsafe: (of) => {
      const asked = waiting.get(of.key)
      if (asked !== undefined && of.asked !== null) {
        Deferred.doneUnsafe(asked, Effect.succeed(of.asked))
      }
      return parked.get(of.key)
    },
    endUnsafe: (key) => parked.delete(key),
    tryingUnsafe: () => earlier.size
  }
  return held
})
