/**
 * Detects rows that are not of the history of the runner's log: reports them, and leaves them
 * alone.
 */
import { describe, type MismatchReason } from "@daybook/store/Checkpoint"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import type { GenerationState } from "../../driver/ReadModelGeneration.ts"
import { mismatch } from "../fold/history.ts"
import type { Runner } from "./runner.ts"

/**
 * Returns true if the serving rows are of the log's history. A mismatch is reported once, and
 * stands until the read model is rebuilt.
 */
export const fits = Effect.fnUntraced(function* (
  runner: Runner,
  serving: GenerationState
): Effect.fn.Return<boolean, EventStoreError> {
  const reason = yield* mismatch(runner.events, serving)
  if (reason === undefined) {
    runner.mismatches.delete(serving.name)
    return true
  }
  yield* tell(runner, serving.name, reason)
  return false
})

export const tell = Effect.fnUntraced(function* (
  { changes, mismatches }: Runner,
  name: GenerationState["name"],
  reason: MismatchReason
) {
  if (mismatches.has(name)) return
  mismatches.set(name, reason)
  changes.notifyUnsafe()
  yield* Effect.logError(
    `${name} stopped, for its rows are of another history: ${describe(reason)}; rebuild it`
  )
})
