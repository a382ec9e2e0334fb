/**
 * The calls that the loops and waiters of a host make again and again: one statement for all that
 * call at the same time. Not for use inside a transaction.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { Checkpoint, MismatchReason } from "@daybook/store/Checkpoint"
import { type EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { GenerationState, Marking } from "../../driver/ReadModelGeneration.ts"
import { ReadModelStoreError } from "../../ReadModelError.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import { mismatch } from "../fold/history.ts"
import { answerOf } from "./answerOf.ts"
import * as Together from "./together.ts"

export interface SharedCalls {
  /** Reads the generations of a read model. */
  readonly statesOf: (
    name: Projection.Name
  ) => Effect.Effect<ReadonlyArray<GenerationState>, ReadModelStoreError>
  /** Returns the reason why the rows of a generation are not of the log's history. */
  readonly mismatchOf: (
    state: GenerationState
  ) => Effect.Effect<MismatchReason | undefined, EventStoreError>
  /** The settled end of the log. */
  readonly end: Effect.Effect<Checkpoint, EventStoreError>
  /** Records that an inline read model holds every event up to a position. */
  readonly mark: (marking: Marking) => Effect.Effect<void, ReadModelStoreError>
}

/** The most comparisons with the log at a time, so that they leave connections to the steps. */
const COMPARISONS = 4

export const make = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  store: ReadModelStore["Service"]
): Effect.fn.Return<SharedCalls, never, Scope.Scope> {
  const statesOf = yield* Together.make((names: ReadonlySet<Projection.Name>) =>
    Effect.map(answerOf(store.states(...names), failedRows("states")), (states) => {
      const byName = Map.groupBy(states, ({ name }) => name)
      return (name: Projection.Name) => byName.get(name) ?? []
    })
  )
  const mismatchOf = yield* Together.make((states: ReadonlySet<GenerationState>) => {
    // Read models without new events are at the same checkpoint.
    const distinct = Map.groupBy(states, placeOf)
    const compared = Effect.forEach(
      distinct,
      ([place, [state]]) =>
        Effect.map(
          state === undefined ? Effect.undefined : mismatch(events, state),
          (reason) => [place, reason] as const
        ),
      { concurrency: COMPARISONS }
    )
    return Effect.map(answerOf(compared, failedLog("verify")), (reasons) => {
      const byPlace = new Map(reasons)
      return (state: GenerationState) => byPlace.get(placeOf(state))
    })
  })
  const end = yield* Together.make<"end", Checkpoint, EventStoreError, Scope.Scope>(() =>
    Effect.map(
      answerOf(events.checkpoint, failedLog("checkpoint")),
      (checkpoint) => () => checkpoint
    )
  )
  const mark = yield* Together.make((markings: ReadonlySet<Marking>) =>
    Effect.as(answerOf(store.mark(Array.from(markings)), failedRows("mark")), () => {})
  )
  return { statesOf, mismatchOf, end: end("end"), mark }
})

const failedRows = (operation: string) => (cause: Error) =>
  new ReadModelStoreError({ operation, cause })

const failedLog = (operation: string) => (cause: Error) => new EventStoreError({ operation, cause })

/** Returns the log and the checkpoints of a generation as one text. */
const placeOf = ({ anchors, checkpoints, log }: GenerationState): string =>
  [String(log), ...checkpoints, ...anchors].join(" ")
