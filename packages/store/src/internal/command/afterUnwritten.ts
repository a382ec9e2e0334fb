/**
 * Finds the stream to decide on again after an append that wrote nothing, or the error of the call.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { EventDecodeError } from "@daybook/kernel/EventCodec"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  type AppendError,
  type AppendRefused,
  EventIdConflict,
  type EventStore,
  type EventStoreError,
  MAX_BETWEEN,
  MAX_BETWEEN_BYTES,
  WrongExpectedRevision
} from "../../EventStore.ts"
import * as ExpectedRevision from "../../ExpectedRevision.ts"
import type { LoadedStream } from "./fold.ts"
import type { Load } from "./load.ts"
import * as Metrics from "./metrics.ts"

/** The reason why an append wrote nothing. */
export type Unwritten =
  | { readonly _tag: "Conflict"; readonly error: WrongExpectedRevision }
  | {
      readonly _tag: "AlreadyRecorded"
      /** Finds the error for ids that are not recorded by the same commands. */
      readonly conflict: Effect.Effect<EventIdConflict, EventStoreError>
    }
  | { readonly _tag: "Refused"; readonly error: AppendRefused }

/** Returns the reason why an append wrote nothing, or fails with an error that ends the call. */
export const unwritten = (error: AppendError): Effect.Effect<Unwritten, AppendError> => {
  switch (error._tag) {
    case "WrongExpectedRevision":
      return Effect.succeed({ _tag: "Conflict", error })
    case "EventIdConflict":
      return Effect.succeed({ _tag: "AlreadyRecorded", conflict: Effect.succeed(error) })
    case "AppendRefused":
      return Effect.succeed({ _tag: "Refused", error })
    case "Overloaded":
    case "EventStoreError":
      return Effect.fail(error)
  }
}

/**
 * Returns true if another writer was faster. A cached state that meets a conflict without events in
 * between is of another history, so it lost no race.
 */
export const isLostRace = (
  outcome: Unwritten,
  { current }: LoadedStream<unknown, unknown>
): boolean => outcome._tag === "Conflict" && (current || outcome.error.between.length > 0)

/**
 * Returns the stream to decide on again after an append that wrote nothing; fails if there is
 * nothing to decide again.
 */
export const after = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  store: EventStore["Service"],
  load: Load,
  aggregate: Aggregate<Command, State, Event, Rejection>,
  loaded: LoadedStream<State, Event>,
  outcome: Unwritten,
  options: {
    readonly expected: ExpectedRevision.ExpectedRevision
    readonly attempt: number
    readonly maxAttempts: number
  }
): Effect.fn.Return<LoadedStream<State, Event>, EventDecodeError | AppendError> {
  const { found, streamId, watched } = loaded.progress
  switch (outcome._tag) {
    case "Conflict": {
      const { error } = outcome
      const { attempt, expected, maxAttempts } = options
      yield* Metrics.conflicts({ category: aggregate.category })
      yield* Effect.annotateCurrentSpan("daybook.attempts", attempt)
      // The store checks the ids before the revision, so these commands were not recorded before.
      if (!ExpectedRevision.isMet(expected, error.actual)) {
        return yield* expected._tag === "Exactly"
          ? error
          : refusal(store, streamId, expected, error.actual)
      }
      if (isLostRace(outcome, loaded) && attempt >= maxAttempts) {
        // Forgetting makes the next command read, so that it does not fail on the same state.
        load.forget(streamId)
        return yield* error
      }
      return yield* load.follow(aggregate, loaded, error)
    }
    case "AlreadyRecorded": {
      // The same commands ran before, perhaps on another state: the first answer stands.
      const known = found.size
      const again = yield* loaded.complete
        ? load.prove(aggregate, loaded, "current")
        : load.foldAll(aggregate, streamId, { watched })
      return again.progress.found.size === known ? yield* yield* outcome.conflict : again
    }
    case "Refused": {
      if (!loaded.current) return yield* load.prove(aggregate, loaded, "current")
      if (loaded.complete) return yield* outcome.error
      const again = yield* load.prove(aggregate, loaded, "complete")
      // The same fold: none of the commands was executed before.
      return again.progress === loaded.progress ? yield* outcome.error : again
    }
  }
})

/** Fails like an append with the caller's expectation would. */
export const refusal = (
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

/**
 * Returns the conflict of events whose ids are recorded on their stream, but not by their commands.
 */
export const takenIds = (
  store: EventStore["Service"],
  streamId: StreamId,
  events: ReadonlyArray<NewEvent>
): Effect.Effect<EventIdConflict, EventStoreError> =>
  store.find(events.map(({ id }) => id)).pipe(
    Effect.catchTag("InvalidReadOption", Effect.die),
    // Stored names are unchecked: they may be names that no store would append.
    Effect.map((recorded) => new EventIdConflict({ streamId, recorded }, { disableChecks: true }))
  )
