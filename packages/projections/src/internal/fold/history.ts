/**
 * Whether rows are still of the history that the log has.
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
import type { GenerationState, Reached } from "../../ReadModelGeneration.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"

/**
 * What a generation has reached, to be compared with the log. Without a log, or an event, as of a generation that was begun by an
 * earlier release, there is only the position to compare.
 */
const origin = (
  log: Option.Option<LogId>,
  { eventId, position }: Reached
): Position.Position | Checkpoint =>
  Option.isNone(log) || (eventId === null && position > 0n)
    ? position
    : { log: log.value, position, eventId }

/** Where a subscription of a generation goes on. */
export const resumeFrom = (
  log: Option.Option<LogId>,
  reached: ReadonlyArray<Reached>
): Position.Position | Checkpoint => origin(log, first(reached))

/** What is reached by all partitions. */
export const first = (reached: ReadonlyArray<Reached>): Reached =>
  reached.reduce((low, one) => (one.position < low.position ? one : low))

/** What is reached by any partition. */
export const last = (reached: ReadonlyArray<Reached>): Reached =>
  reached.reduce((high, one) => (one.position > high.position ? one : high))

/** The checkpoints of a generation with the events they stand at. */
export const reachedBy = ({ anchors, checkpoints }: GenerationState): Array<Reached> =>
  checkpoints.map((position, partition) => ({ position, eventId: anchors[partition] ?? null }))

/** Why the rows of a generation are not of the log's history; undefined when they are. */
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
 * Up to where appends have kept rows, asked for while none is under way. Rows of another history stay where they were: at the head they
 * would pass for those of the log.
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

/** Fails when the log was restored to before what is held: what is read after that would be folded into rows of another history. */
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
