/**
 * The calls that the loops and waiters of a host make again and again: one statement for all that
 * call at the same time. Not for use inside a transaction.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { Checkpoint, MismatchReason } from "@daybook/store/Checkpoint"
import { type EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { GenerationState, Marking } from "../../driver/ReadModelGeneration.ts"
import { ReadModelStoreError } from "../../ReadModelError.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import { mismatch } from "./history.ts"
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

/** The most calls of one kind at a time, so that they leave connections to the steps. */
const AT_ONCE = 4

export const make = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  store: ReadModelStore["Service"]
): Effect.fn.Return<SharedCalls, never, Scope.Scope> {
  const statesOf = yield* Together.make((names: ReadonlySet<Projection.Name>) =>
    Effect.catchCauseIf(
      Effect.map(answerOf(store.states(...names), failedRows("states")), (states) => {
        const byName = Map.groupBy(states, ({ name }) => name)
        return (name: Projection.Name): States => Exit.succeed(byName.get(name) ?? [])
      }),
      // The state of one of them can't be read, such as one that a newer release stored.
      (cause) => names.size > 1 && Cause.hasDies(cause),
      () =>
        answerOf(
          answerEach(names, (name) => store.states(name)),
          failedRows("states")
        )
    )
  )
  const mismatchOf = yield* Together.make((states: ReadonlySet<GenerationState>) => {
    // Read models without new events are at the same checkpoint.
    const distinct = Map.groupBy(states, checkpointText)
    const compared = answerEach(distinct.keys(), (checkpoint) => {
      const [state] = distinct.get(checkpoint) ?? []
      return state === undefined ? Effect.undefined : mismatch(events, state)
    })
    return Effect.map(
      answerOf(compared, failedLog("verify")),
      (answer) => (state: GenerationState) => answer(checkpointText(state))
    )
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
  return {
    statesOf: (name) => Effect.flatten(statesOf(name)),
    mismatchOf: (state) => Effect.flatten(mismatchOf(state)),
    end: end("end"),
    mark
  }
})

type States = Exit.Exit<ReadonlyArray<GenerationState>, ReadModelStoreError>

/** Asks for each key by a call of its own, so that the failure of one concerns no other. */
const answerEach = <K, A, E, R>(
  keys: Iterable<K>,
  ask: (key: K) => Effect.Effect<A, E, R>
): Effect.Effect<(key: K) => Exit.Exit<A, E>, never, R> =>
  Effect.map(
    Effect.forEach(
      keys,
      (key) => Effect.map(Effect.exit(ask(key)), (exit) => [key, exit] as const),
      { concurrency: AT_ONCE }
    ),
    (exits) => {
      const byKey = new Map(exits)
      return (key) => byKey.get(key) ?? Exit.die(new Error("a key was not asked for"))
    }
  )

const failedRows = (operation: string) => (cause: Error) =>
  new ReadModelStoreError({ operation, cause })

const failedLog = (operation: string) => (cause: Error) => new EventStoreError({ operation, cause })

/** Returns the log and the checkpoints of a generation as one text. */
const checkpointText = ({ anchors, checkpoints, log }: GenerationState): string =>
  [String(log), ...checkpoints, ...anchors].join(" ")
