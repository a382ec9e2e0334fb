/**
 * Compares the checkpoints of rows with the history of the log.
 */
import type { LogId } from "@daybook/kernel/LogId"
import type * as Position from "@daybook/kernel/Position"
import type { Checkpoint, MismatchReason } from "@daybook/store/Checkpoint"
import type * as Projection from "@daybook/kernel/Projection"
import { type EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { ReadModelStoreError } from "../../ReadModelError.ts"
import type { GenerationState, Reached } from "../../driver/ReadModelGeneration.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"

/**
 * Returns the checkpoint of a generation for a comparison with the log. Without a log or an event,
 * as in a generation that an earlier release began, only the position can be compared.
 */
const origin = (
  log: Option.Option<LogId>,
  { event, position }: Reached
): Position.Position | Checkpoint =>
  Option.isNone(log) || (event === null && position > 0n)
    ? position
    : { log: log.value, position, event }

/** Returns the checkpoint from which a subscription of a generation resumes. */
export const resumeFrom = (
  log: Option.Option<LogId>,
  reached: ReadonlyArray<Reached>
): Position.Position | Checkpoint => origin(log, first(reached))

/** Returns the lowest checkpoint, which all partitions have reached. */
export const first = (reached: ReadonlyArray<Reached>): Reached =>
  reached.reduce((low, one) => (one.position < low.position ? one : low))

/** Returns the checkpoints of a generation with the events they stand at. */
export const reachedBy = ({ anchors, checkpoints }: GenerationState): Array<Reached> =>
  checkpoints.map((position, partition) => ({ position, event: anchors[partition] ?? null }))

/** Returns the reason why the rows are not of the log's history; undefined when they are. */
export const mismatch = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  state: GenerationState
): Effect.fn.Return<MismatchReason | undefined, EventStoreError> {
  const seen = new Set<Position.Position>()
  for (const reached of reachedBy(state)) {
    if (seen.has(reached.position)) continue
    seen.add(reached.position)
    const verified = yield* Effect.result(events.verify(origin(state.log, reached)))
    if (Result.isSuccess(verified)) continue
    const { failure } = verified
    if (failure._tag === "CheckpointMismatch") return failure.reason
    return yield* failure
  }
  return undefined
})

/**
 * Returns the position up to which appends have maintained rows; called with no append in flight.
 * Rows of another history stay at their position: at the head they would pass for rows of the log.
 */
export const settled = Effect.fnUntraced(function* (
  {
    events,
    store
  }: { readonly events: EventStore["Service"]; readonly store: ReadModelStore["Service"] },
  name: Projection.Name
): Effect.fn.Return<Reached, EventStoreError | ReadModelStoreError> {
  const end = yield* events.checkpoint
  const serving = (yield* store.states(name)).find(({ role }) => role === "serving")
  if (serving === undefined || (yield* mismatch(events, serving)) === undefined) return end
  return first(reachedBy(serving))
})

/**
 * Fails when the log was restored to before the held checkpoints: events read after that would be
 * folded into rows of another history.
 */
export const stillFits = (
  events: EventStore["Service"],
  log: Option.Option<LogId>,
  reached: ReadonlyArray<Reached>
): Effect.Effect<void, EventStoreError> =>
  events
    .verify(resumeFrom(log, reached))
    .pipe(
      Effect.catchTag("CheckpointMismatch", (cause) =>
        Effect.fail(new EventStoreError({ operation: "verify", cause }))
      )
    )
