/**
 * Decides commands on a stream and appends the resulting events, and repeats that until the append
 * finds the stream in the state of the decision.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as EventMark from "@daybook/kernel/EventMark"
import type { Position } from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import type { Utc } from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Executed } from "../../CommandHandler.ts"
import type { AppendError, EventStore } from "../../EventStore.ts"
import * as ExpectedRevision from "../../ExpectedRevision.ts"
import {
  after,
  isLostRace,
  refusal,
  takenIds,
  type Unwritten,
  unwritten
} from "./afterUnwritten.ts"
import { decideAll, type Identified, isUnexpected, placed, proofLacking } from "./decide.ts"
import { type LoadedStream, watching } from "./fold.ts"
import type { Load } from "./load.ts"
import * as Metrics from "./metrics.ts"

/** The errors of a call that has no answers. */
export type ExecuteError = EventDecodeError | EventEncodeError | AppendError

export interface ExecuteOptions {
  readonly maxAttempts: number
  /** The caller's expectation of the stream before the first command. */
  readonly expected: ExpectedRevision.ExpectedRevision
}

type Answers<State, Event, Rejection> = ReadonlyArray<
  Result.Result<Executed<State, Event>, Rejection>
>

/** Decides `requests` one after the other, and appends the resulting events. */
export type Execute = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  streamId: StreamId,
  requests: ReadonlyArray<Identified<Command>>,
  options: ExecuteOptions
) => Effect.Effect<Answers<State, Event, Rejection>, ExecuteError>

export const make = (store: EventStore["Service"], load: Load): Execute =>
  Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    requests: ReadonlyArray<Identified<Command>>,
    { expected, maxAttempts }: ExecuteOptions
  ): Effect.fn.Return<Answers<State, Event, Rejection>, ExecuteError> {
    const watched = watching(requests.filter(({ callerSuppliedId }) => callerSuppliedId))
    let loaded = yield* load.open(aggregate, streamId, { watched, unread: true })
    let attempt = 1
    while (true) {
      const { progress } = loaded
      const decision = decideAll(aggregate, progress, requests)
      const lacking = proofLacking(decision, loaded, expected)
      if (lacking !== undefined) {
        loaded = yield* load.prove(aggregate, loaded, lacking)
        continue
      }
      if (isUnexpected(decision, progress.revision, expected)) {
        return yield* refusal(store, streamId, expected, progress.revision)
      }
      if (Result.isFailure(decision)) return yield* decision.failure
      const { answers, events, state } = decision.success
      const outcome = yield* append(store, loaded, events)
      if (outcome._tag === "Appended") {
        const { position, recordedAt } = outcome
        const last = events.at(-1)
        yield* Metrics.answers(aggregate.category, answers)
        yield* load.remember(
          aggregate,
          streamId,
          {
            revision: Revision.make(progress.revision + events.length),
            event:
              last === undefined || recordedAt === undefined
                ? progress.event
                : EventMark.of({ id: last.id, recordedAt }),
            position,
            state,
            snapshotRevision: progress.snapshotRevision
          },
          events.length > 0
        )
        return placed(answers, progress.revision, position)
      }
      const given = { expected, attempt, maxAttempts }
      const next = yield* after(store, load, aggregate, loaded, outcome, given)
      if (isLostRace(outcome, loaded)) attempt++
      loaded = next
      yield* Metrics.retries({ category: aggregate.category })
    }
  })

/** The outcome of an append, except the errors that end a call. */
type Outcome =
  | {
      readonly _tag: "Appended"
      /** The position of the last event; that of the stream if there was nothing to append. */
      readonly position: Position
      /** The time of its events; undefined if there was nothing to append. */
      readonly recordedAt: Utc | undefined
    }
  | Unwritten

/** Appends events at the revision of a loaded stream. */
const append = (
  store: EventStore["Service"],
  { current, progress }: LoadedStream<unknown, unknown>,
  events: ReadonlyArray<NewEvent>
): Effect.Effect<Outcome, AppendError> =>
  Arr.isReadonlyArrayNonEmpty(events)
    ? Effect.matchEffect(
        store.append({
          streamId: progress.streamId,
          expected: ExpectedRevision.exactly(progress.revision),
          // A cached state that was not read may come from before the log was restored.
          lastEvent: current ? undefined : progress.event,
          events
        }),
        {
          onSuccess: ({ position, recordedAt, repeated }) =>
            Effect.succeed<Outcome>(
              repeated
                ? { _tag: "AlreadyRecorded", conflict: takenIds(store, progress.streamId, events) }
                : { _tag: "Appended", position, recordedAt }
            ),
          onFailure: unwritten
        }
      )
    : Effect.succeed({ _tag: "Appended", position: progress.position, recordedAt: undefined })
