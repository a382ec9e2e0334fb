/**
 * Reacts to the events of a range, several keys at once, and commits the low-water mark.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { inBatches } from "./batches.ts"
import { checkpointAt, IDLE } from "./checkpointAt.ts"
import { hand } from "./hand.ts"
import { type Entry, isEvent, type Lane, type Lanes, make } from "./lanes.ts"
import type { Releasing } from "./release.ts"

/**
 * The most events of a range that are handed out and not committed: those that are repeated after a
 * crash, and the memory that a slow key takes.
 */
const AHEAD = 1_000

/** The number of handled entries of a lane after which they are forgotten. */
const FORGET = 64

export const concurrently = Effect.fnUntraced(function* <R>(releasing: Releasing<R>) {
  const { assignment, held, reactor } = releasing
  const lanes = yield* make(AHEAD)
  const commit = Effect.suspend(() => {
    const low = lanes.lowUnsafe()
    if (low === undefined) return Effect.void
    return Effect.andThen(
      held.recordWaits,
      assignment.commit(isEvent(low) ? checkpointAt(assignment, low) : low)
    )
  })
  const { byEvent, byPage } = lanes.moved
  const committing = Effect.raceFirst(
    byEvent.await,
    Effect.andThen(byPage.await, Effect.sleep(IDLE))
  ).pipe(
    Effect.andThen(() => {
      byEvent.closeUnsafe()
      byPage.closeUnsafe()
      return commit
    }),
    Effect.forever
  )
  const working = Queue.take(lanes.ready).pipe(
    Effect.flatMap((lane) => work(releasing, lanes, lane)),
    Effect.forever
  )
  return {
    reading: Effect.andThen(
      reactor.together === undefined
        ? Stream.runForEach(assignment.pages, (page) => hand(releasing, lanes, page))
        : inBatches(releasing, lanes, reactor.together),
      lanes.idle.await
    ),
    isBusyUnsafe: lanes.isBusyUnsafe,
    beside: [committing, ...Array.from({ length: reactor.concurrency }, () => working)],
    commit
  }
})

/** Works a lane off. */
const work = Effect.fnUntraced(function* <R>(
  { attempt, held }: Releasing<R>,
  lanes: Lanes,
  lane: Lane
) {
  while (true) {
    const entry = lane.entries[lane.next]
    if (entry === undefined) return lanes.endUnsafe(lane)
    const { of } = entry
    if (!isEvent(of)) return yield* Effect.die(new Error("a lane has events only"))
    if (!held.running.isOpen()) yield* held.running.await
    const result = yield* Effect.result(attempt.retried(of, [lane.key], (reaction) => reaction))
    const outcome = Result.isFailure(result) ? yield* held.failed(result.failure) : "over"
    if (Result.isSuccess(result) && held.tryingUnsafe() > 0) {
      yield* held.succeeded(lane.key, of)
    }
    if (outcome === "again") continue
    const ended = outcome === "parked" ? parkRest(held, lane) : [entry]
    for (const one of ended) lanes.doneUnsafe(one)
    lane.next += ended.length
    if (lane.next >= FORGET) {
      lane.entries.splice(0, lane.next)
      lane.next = 0
    }
  }
})

/** Lets what is left of a lane wait in the log, and returns it. */
const parkRest = (held: Releasing<never>["held"], lane: Lane): ReadonlyArray<Entry> => {
  const rest = lane.entries.slice(lane.next)
  for (const { of } of rest) if (isEvent(of)) held.waitsUnsafe(lane.key, of)
  return rest
}
