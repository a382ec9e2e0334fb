/**
 * Decides commands on a stream and appends the resulting events, and repeats that until the append
 * finds the stream in the state of the decision.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Position } from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import type { Utc } from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Executed } from "../../CommandResult.ts"
import {
  type AppendError,
  AppendRefused,
  EventIdConflict,
  type EventStore,
  type EventStoreError,
  MAX_BETWEEN,
  MAX_BETWEEN_BYTES,
  WrongExpectedRevision
} from "../../EventStore.ts"
import * as ExpectedRevision from "../../ExpectedRevision.ts"
import { type Decided, decideAll, eventId, evolveBy, type Identified, placed } from "./decision.ts"
import * as Metrics from "./handlerMetrics.ts"
import type { OpenStream } from "./openStream.ts"

/** The errors of a call that has no answers. */
export type ExecuteAllError = EventDecodeError | EventEncodeError | AppendError

export interface ExecuteOptions {
  readonly maxAttempts: number
  /** The caller's expectation of the stream before the first command. */
  readonly expected: ExpectedRevision.ExpectedRevision
}

/** Decides `requests` one after the other, and appends the resulting events. */
export type ExecuteAll = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  streamId: StreamId,
  requests: ReadonlyArray<Identified<Command>>,
  options: ExecuteOptions
) => Effect.Effect<ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>, ExecuteAllError>

export const make = (store: EventStore["Service"], stream: OpenStream): ExecuteAll =>
  Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>,
    streamId: StreamId,
    requests: ReadonlyArray<Identified<Command>>,
    options: ExecuteOptions
  ): Effect.fn.Return<
    ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
    ExecuteAllError
  > {
    const { category } = aggregate
    const { expected } = options
    const watched = requests.filter(({ brought }) => brought).map(({ commandId }) => commandId)
    let opened = yield* stream.open(aggregate, streamId, { watched, unread: true })
    // A successful append proves its premises: the state was the stream's, since the revision
    // matched, and the commands were new, since their event ids were. Answers without an append are
    // proved by reading.
    let isCurrent = opened.read
    let areNew = watched.length === 0
    let attempt = 1
    /** Folds the whole stream if a command was executed in the part that was not folded so far. */
    const foldIfRepeated = Effect.fnUntraced(function* () {
      if (areNew || opened.whole) return false
      areNew = true
      if ((yield* find(store, streamId, watched)).length === 0) return false
      opened = yield* stream.foldAll(aggregate, streamId, { watched })
      return true
    })
    while (true) {
      const { cursor } = opened
      const decided = decideAll(aggregate, cursor, requests)
      const isMet = ExpectedRevision.isMet(expected, cursor.revision)
      if (!isCurrent && !(isMet && appends(decided))) {
        opened = yield* stream.refresh(aggregate, opened)
        isCurrent = true
        continue
      }
      if ((!isMet || isSilent(decided)) && (yield* foldIfRepeated())) {
        isCurrent = true
        continue
      }
      // If one of the commands is recorded already, the call is a repetition: the stream was as
      // expected when it first came.
      if (!isMet && (appends(decided) || !isRepeated(decided))) {
        return yield* refusal(store, streamId, expected, cursor.revision)
      }
      if (Result.isFailure(decided)) return yield* decided.failure
      const { answers, events, state } = decided.success
      const appended = yield* Effect.result(
        Arr.isReadonlyArrayNonEmpty(events)
          ? Effect.map(
              store.append({
                streamId,
                expected: ExpectedRevision.exactly(cursor.revision),
                // A cached state that was not read may come from before the log was restored.
                lastEvent: isCurrent ? undefined : cursor.event,
                events
              }),
              ({ position, recordedAt, repeated }): Recording | undefined =>
                repeated ? undefined : { position, recordedAt }
            )
          : Effect.succeed<Recording>({ position: cursor.position, recordedAt: undefined })
      )
      if (Result.isSuccess(appended) && appended.success !== undefined) {
        yield* count(category, answers)
        const { position, recordedAt } = appended.success
        const last = events.at(-1)
        const known = {
          revision: Revision.make(cursor.revision + events.length),
          event:
            last === undefined || recordedAt === undefined
              ? cursor.event
              : EventMark.of({ id: last.id, recordedAt }),
          position,
          state,
          snapshotRevision: cursor.snapshotRevision
        }
        yield* stream.remember(aggregate, streamId, known, events.length > 0)
        return placed(answers, cursor.revision, position)
      }
      const error = Result.isFailure(appended) ? appended.failure : undefined
      if (error instanceof WrongExpectedRevision) {
        yield* Metrics.conflicts({ category })
        yield* Effect.annotateCurrentSpan("daybook.attempts", attempt)
        // The store checks the ids before the revision, so these commands were not recorded before.
        if (!ExpectedRevision.isMet(expected, error.actual)) {
          return yield* expected._tag === "Exactly"
            ? error
            : refusal(store, streamId, expected, error.actual)
        }
        // An empty `between` means that the cached state is of another history: no race was lost.
        const isForeign = !isCurrent && error.between.length === 0
        if (!isForeign && attempt++ >= options.maxAttempts) {
          // Forgetting makes the next command read, so that it does not fail on the same state.
          stream.forget(streamId)
          return yield* error
        }
        // The conflict carries the events in between, so deciding again rarely needs a read.
        if (error.actual > cursor.revision) {
          yield* Effect.fromResult(evolveBy(aggregate, cursor, error.between))
        }
        // Without events in between, the known state may be of another history.
        const isFollowed = error.between.length > 0 && cursor.revision === error.actual
        if (!isFollowed) opened = yield* stream.refresh(aggregate, opened)
      } else if (error === undefined || error instanceof EventIdConflict) {
        // The same commands ran before, perhaps on another state: the first answer stands.
        const known = cursor.recorded.size
        opened = opened.whole
          ? yield* stream.refresh(aggregate, opened)
          : yield* stream.foldAll(aggregate, streamId, { watched })
        if (opened.cursor.recorded.size === known) {
          return yield* error ?? (yield* takenIds(store, streamId, events))
        }
      } else if (error instanceof AppendRefused && !isCurrent) {
        opened = yield* stream.refresh(aggregate, opened)
      } else if (!(error instanceof AppendRefused) || !(yield* foldIfRepeated())) {
        return yield* error
      }
      isCurrent = true
      yield* Metrics.retries({ category })
    }
  })

/** The end of the stream after an append; `recordedAt` is undefined if there was none to append. */
interface Recording {
  readonly position: Position
  readonly recordedAt: Utc | undefined
}

type Decision<State, Event, Rejection> = Result.Result<
  Decided<State, Event, Rejection>,
  EventEncodeError | EventDecodeError
>

const appends = <State, Event, Rejection>(decided: Decision<State, Event, Rejection>): boolean =>
  Result.isSuccess(decided) && decided.success.events.length > 0

/** Returns true if a command has no events, so that no append can show whether it is new. */
const isSilent = <State, Event, Rejection>(decided: Decision<State, Event, Rejection>): boolean =>
  Result.isFailure(decided) ||
  decided.success.answers.some(
    (answer) => Result.isFailure(answer) || answer.success.events.length === 0
  )

/** Returns true if a command was recorded before. */
const isRepeated = <State, Event, Rejection>(decided: Decision<State, Event, Rejection>): boolean =>
  Result.isSuccess(decided) &&
  decided.success.answers.some((answer) => Result.isSuccess(answer) && answer.success.repeated)

/** Fails like an append with the caller's expectation would. */
const refusal = (
  store: EventStore["Service"],
  streamId: StreamId,
  expected: ExpectedRevision.ExpectedRevision,
  actual: Revision.Revision
): Effect.Effect<never, WrongExpectedRevision | EventStoreError> => {
  const past = expected._tag === "Exactly" ? expected.revision : 0
  const between =
    past >= actual
      ? Stream.empty
      : store.read(streamId, { from: Revision.make(past + 1), to: actual, limit: MAX_BETWEEN })
  return Stream.runCollect(
    Stream.unwrap(Effect.map(fitting, (fits) => Stream.takeWhile(between, fits)))
  ).pipe(
    // The options are within their ranges.
    Effect.catchTag("InvalidReadOption", Effect.die),
    Effect.flatMap(
      (recorded) =>
        new WrongExpectedRevision(
          { streamId, expected, actual, between: recorded },
          // Stored names are unchecked: they may be names that no store would append.
          { disableChecks: true }
        )
    )
  )
}

/**
 * Accepts events, one after the other, until their JSON has more than {@link MAX_BETWEEN_BYTES}.
 */
const fitting = Effect.sync(() => {
  let bytes = 0
  return ({ data, metadata }: RecordedEvent): boolean => {
    bytes += Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata))
    return bytes <= MAX_BETWEEN_BYTES
  }
})

/** Finds the commands that are recorded on the stream, each by the id of its first event. */
const find = (
  store: EventStore["Service"],
  streamId: StreamId,
  commandIds: ReadonlyArray<Identified<unknown>["commandId"]>
) =>
  store.find(commandIds.map((commandId) => eventId(commandId, streamId, 0))).pipe(
    // `eventId` returns valid ids.
    Effect.catchTag("InvalidReadOption", Effect.die),
    Effect.map((found) => found.filter((address) => address.streamId === streamId))
  )

/**
 * Returns the conflict of events whose ids are recorded on their stream, but not by their commands.
 */
const takenIds = (
  store: EventStore["Service"],
  streamId: StreamId,
  events: Decided<unknown, unknown, unknown>["events"]
): Effect.Effect<EventIdConflict, EventStoreError> =>
  store.find(events.map(({ id }) => id)).pipe(
    Effect.catchTag("InvalidReadOption", Effect.die),
    // Stored names are unchecked: they may be names that no store would append.
    Effect.map((recorded) => new EventIdConflict({ streamId, recorded }, { disableChecks: true }))
  )

const count = <State, Event, Rejection>(
  category: string,
  answers: ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>
): Effect.Effect<void> => {
  const counts = { accepted: 0, repeated: 0, rejected: 0 }
  for (const answer of answers) counts[outcomeOf(answer)]++
  // Usually all answers have one outcome, so one metric is updated.
  return Effect.forEach(
    (["accepted", "repeated", "rejected"] as const).filter((outcome) => counts[outcome] > 0),
    (outcome) => Metrics.commands({ category, outcome }, counts[outcome]),
    { discard: true }
  )
}

const outcomeOf = <State, Event, Rejection>(
  answer: Result.Result<Executed<State, Event>, Rejection>
) => (Result.isFailure(answer) ? "rejected" : answer.success.repeated ? "repeated" : "accepted")
