/**
 * Reacts to the events of a range in the transactions that move its checkpoint, one batch after
 * another.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Page } from "../../ConsumerGroups.ts"
import { ReactionFailed } from "./attempt.ts"
import { checkpointAt, IDLE } from "./checkpointAt.ts"
import type { Releasing } from "./release.ts"

/** The most events of one transaction. */
const BATCH = 100

export const transactionally = <R>(releasing: Releasing<R>) => {
  const { assignment, handing, held } = releasing
  /** The end of the last page, if that passed events of others only. */
  let passed: Checkpoint | undefined
  const hasPassed = Latch.makeUnsafe()
  const commit = Effect.suspend(() =>
    passed === undefined ? Effect.void : Effect.andThen(held.recordWaits, assignment.commit(passed))
  )
  // It waits by the clock rather than for a further page, which a quiet log does not have. The
  // permit keeps it apart from the commits of batches, which are of later checkpoints.
  const committing = hasPassed.await.pipe(
    Effect.andThen(Effect.sleep(IDLE)),
    Effect.andThen(
      handing.withPermit(
        Effect.suspend(() => {
          hasPassed.closeUnsafe()
          return commit
        })
      )
    ),
    Effect.forever
  )
  const page = Effect.fnUntraced(function* ({ checkpoint, events }: Page) {
    for (let from = 0; from < events.length; from += BATCH) {
      const batch = events.slice(from, from + BATCH)
      const last = batch.at(-1)
      const end =
        from + BATCH >= events.length || last === undefined
          ? checkpoint
          : checkpointAt(assignment, last)
      yield* handing.withPermit(
        Effect.andThen(
          handBatch(releasing, batch, end),
          Effect.sync(() => {
            passed = undefined
            if (last !== undefined) held.passedUnsafe(last.position)
          })
        )
      )
    }
    held.passedUnsafe(checkpoint.position)
    if (events.length > 0) return
    passed = checkpoint
    hasPassed.openUnsafe()
  })
  return {
    reading: Stream.runForEach(assignment.pages, page),
    // The permit keeps releases apart from it.
    isBusyUnsafe: () => false,
    beside: [committing],
    commit
  }
}

const handBatch = Effect.fnUntraced(function* <R>(
  releasing: Releasing<R>,
  batch: ReadonlyArray<RecordedEvent>,
  end: Checkpoint
) {
  const { assignment, attempt, held } = releasing
  const due = batch.flatMap((event) => {
    const keys = dueKeys(releasing, event)
    return keys.length === 0 ? [] : [[event, keys] as const]
  })
  // Before the checkpoint passes them.
  yield* held.recordWaits
  if (assignment.undoes && due.length > 1 && held.tryingUnsafe() === 0) {
    const together = yield* Effect.result(
      assignment.commitWith(
        end,
        Effect.forEach(due, ([event, keys]) => attempt.once(event, keys), { discard: true })
      )
    )
    if (Result.isSuccess(together)) return
    if (!(together.failure instanceof ReactionFailed)) return yield* Effect.fail(together.failure)
  }
  // Alone, each event has its own retries, and those before one that fails take effect.
  for (const [event] of due) yield* handAlone(releasing, event)
  yield* held.recordWaits
  yield* assignment.commit(end)
})

/** Returns the keys of an event that do not wait, and notes those that do. */
const dueKeys = <R>({ assignment, held }: Releasing<R>, event: RecordedEvent) =>
  assignment.keysOf(event).filter((key) => !held.waitsUnsafe(key, event))

const handAlone = Effect.fnUntraced(function* <R>(releasing: Releasing<R>, event: RecordedEvent) {
  const { assignment, attempt, held } = releasing
  const checkpoint = checkpointAt(assignment, event)
  // What its keys do commits together: the checkpoint is at the event or before it.
  let due = dueKeys(releasing, event)
  while (due.length > 0) {
    yield* held.recordWaits
    const result = yield* Effect.result(
      attempt.retried(event, due, (reaction) => assignment.commitWith(checkpoint, reaction))
    )
    if (Result.isSuccess(result)) {
      for (const key of due) yield* held.succeeded(key, event)
      return
    }
    const { failure } = result
    if (!(failure instanceof ReactionFailed)) return yield* Effect.fail(failure)
    if ((yield* held.failed(failure)) !== "again") due = due.filter((key) => key !== failure.key)
  }
})
