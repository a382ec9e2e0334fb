/**
 * Detects rows that are not of the history of the runner's log: reports them, and leaves them
 * alone.
 */
import { describe, type MismatchReason } from "@daybook/store/Checkpoint"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import type { GenerationState } from "../../driver/ReadModelGeneration.ts"
import { resumeFrom } from "./history.ts"
import type { ClaimedModel } from "./advance.ts"
import type { Runner } from "./runner.ts"

/**
 * Returns true if the serving rows are of the log's history. A mismatch is reported once, and
 * stands until the read model is rebuilt.
 */
export const fits = Effect.fnUntraced(function* (
  runner: Runner,
  serving: GenerationState
): Effect.fn.Return<boolean, EventStoreError> {
  const reason = yield* runner.shared.mismatchOf(serving)
  if (reason === undefined) {
    runner.mismatches.delete(serving.name)
    return true
  }
  yield* tell(runner, serving.name, reason)
  return false
})

/**
 * Reports a mismatch of held rows. They may fit where their follower does not: the log was restored
 * to a position that it had read, but after the last event that they hold.
 */
export const check = (
  runner: Runner,
  { checkpoints, log, model }: ClaimedModel
): Effect.Effect<void, EventStoreError> =>
  runner.events
    .verify(resumeFrom(log, checkpoints))
    .pipe(
      Effect.catchTag("CheckpointMismatch", ({ reason }) => tell(runner, model.table.name, reason))
    )

const tell = Effect.fnUntraced(function* (
  { changes, mismatches }: Runner,
  name: GenerationState["name"],
  reason: MismatchReason
) {
  if (mismatches.has(name)) return
  mismatches.set(name, reason)
  changes.notifyUnsafe(name, "state")
  yield* Effect.logError(
    `${name} stopped, for its rows are of another history: ${describe(reason)}; rebuild it`
  )
})
