/**
 * Runs commands against a log: load, decide, append; decide again when another writer won.
 *
 * Laws:
 *
 * 1. A command id counts once: executing it again on the same stream records nothing and gives the
 *    first answer. A command that was rejected, or recorded nothing, left no trace: it is decided anew.
 * 2. Nothing is decided on a state that the append did not find.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { InvalidStreamId, StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Executed, HistoryEntry, Loaded } from "./CommandResult.ts"
import {
  type AppendError,
  EventIdConflict,
  EventStore,
  type EventStoreError,
  type Until,
  WrongExpectedRevision
} from "./EventStore.ts"
import * as ExpectedRevision from "./ExpectedRevision.ts"
import {
  begin,
  type Cursor,
  decideAll,
  entries,
  evolveBy,
  type Identified
} from "./internal/decision.ts"

/**
 * A command with its identity and time.
 *
 * **Details**
 * `commandId`: drawn at random when absent, so only a command that brings one is safe to repeat.
 * `occurredAt`: by the `Clock` when absent.
 *
 * @category types
 * @since 0.1.0
 */
export interface Request<out Command> extends RequestOptions {
  readonly command: Command
}

/**
 * The identity and time of a command, see {@link Request}.
 *
 * @category types
 * @since 0.1.0
 */
export interface RequestOptions {
  readonly commandId?: CommandId.CommandId | undefined
  readonly occurredAt?: DateTime.Utc | undefined
}

/**
 * Where to look at a stream: as of a revision or an instant. See {@link Until}.
 *
 * @category types
 * @since 0.1.0
 */
export type At =
  | Until
  | {
      readonly revision: Revision.Revision
      readonly occurredAt?: never
      readonly recordedAt?: never
    }

/**
 * Why a state could not be loaded.
 *
 * @category errors
 * @since 0.1.0
 */
export type LoadError = InvalidStreamId | EventDecodeError | EventStoreError

/**
 * Why a command has no answer; `WrongExpectedRevision` only after {@link MaxAttempts} lost races.
 *
 * @category errors
 * @since 0.1.0
 */
export type ExecuteError = LoadError | EventEncodeError | AppendError

/**
 * What is recorded with every event of the commands that run inside; see {@link EventMetadata}.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentMetadata = Context.Reference<
  Pick<EventMetadata, "correlationId" | "causationId" | "actor" | "tracestate" | "custom">
>("@daybook/store/CommandHandler/CurrentMetadata", { defaultValue: () => ({}) })

/**
 * How many times a command is decided before a lost race is reported to its caller.
 *
 * **Details**
 * 64, since a store serves waiting appends in turn: a writer loses about once for each other writer
 * of the stream.
 *
 * @category references
 * @since 0.1.0
 */
export const MaxAttempts = Context.Reference<number>("@daybook/store/CommandHandler/MaxAttempts", {
  defaultValue: () => 64
})

/**
 * Executes commands and loads states of any aggregate.
 *
 * @category services
 * @since 0.1.0
 */
export class CommandHandler extends Context.Service<
  CommandHandler,
  {
    /**
     * Decides `command` on the instance `id` and appends what it leads to.
     *
     * **Details**
     * Errors: the decider's rejection; {@link ExecuteError}. Nothing was written, except perhaps
     * after an `EventStoreError`: repeat the command with the same id.
     */
    readonly execute: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string,
      command: Command,
      options?: RequestOptions
    ) => Effect.Effect<Executed<State, Event>, Rejection | ExecuteError>

    /**
     * Decides commands on the instance `id`, each in the state that those before it left, and
     * appends the events of all that were accepted, all or none, in one append.
     *
     * **Details**
     * The answers are in the order of `requests`; a rejected command leaves the others alone.
     * Shape: what is accepted may lead to `MAX_EVENTS` events together (see `EventStore`).
     */
    readonly executeAll: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string,
      requests: ReadonlyArray<Request<Command>>
    ) => Effect.Effect<
      ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
      ExecuteError
    >

    /** The state of the instance `id` now; the initial one when it has no events. */
    readonly load: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string
    ) => Effect.Effect<Loaded<State>, LoadError>

    /** The state of the instance `id` as of a revision or an instant. */
    readonly loadAt: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string,
      at: At
    ) => Effect.Effect<Loaded<State>, LoadError>

    /** Each event of the instance `id`, oldest first, with the state after it. */
    readonly history: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string
    ) => Stream.Stream<HistoryEntry<State, Event>, LoadError>
  }
>()("@daybook/store/CommandHandler") {
  /** Ids of commands that bring none are drawn from the `WebCrypto` reference of `effect`. */
  static readonly layer: Layer.Layer<CommandHandler, never, EventStore> = Layer.effect(
    CommandHandler,
    Effect.suspend(() => make)
  ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
}

const commands = Metric.counter("daybook_commands", {
  description: "Commands answered, by category and outcome: accepted, repeated or rejected"
})
const conflicts = Metric.counter("daybook_command_conflicts", {
  description: "Appends of commands that lost a race, by category"
})
const retries = Metric.counter("daybook_command_retries", {
  description: "Decisions that were taken again after a lost race, by category"
})
const loadedEvents = Metric.counter("daybook_loaded_events", {
  description: "Stored events read to load states, by category"
})

const make = Effect.gen(function* () {
  const store = yield* EventStore
  const random = yield* SecureRandom.SecureRandom

  /** The events after `cursor`, folded into it. */
  const catchUp = <Command, State, Event, Rejection>(
    aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
    cursor: Cursor<State, Event>,
    options?: { readonly to?: Revision.Revision; readonly until?: Until }
  ): Effect.Effect<void, EventDecodeError | EventStoreError> =>
    store.read(cursor.streamId, { ...options, from: Revision.make(cursor.revision + 1) }).pipe(
      Stream.runForEachArray((recorded) =>
        Effect.andThen(
          Effect.fromResult(evolveBy(aggregate, cursor, recorded)),
          Metric.update(
            Metric.withAttributes(loadedEvents, { category: aggregate.category }),
            recorded.length
          )
        )
      ),
      // The options above are built here, within their ranges.
      Effect.catchTag("InvalidReadOption", Effect.die)
    )

  const loadUpTo = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
    id: string,
    options?: { readonly to?: Revision.Revision; readonly until?: Until }
  ) {
    const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
    yield* Effect.annotateCurrentSpan("daybook.stream", streamId)
    const cursor = begin(aggregate, streamId, [])
    yield* catchUp(aggregate, cursor, options)
    const loaded: Loaded<State> = { streamId, revision: cursor.revision, state: cursor.state }
    return loaded
  })

  const identify = <Command>(request: Request<Command>) =>
    request.commandId === undefined
      ? Effect.map(random.uuidV4(), CommandId.make)
      : Effect.succeed(request.commandId)

  const executeAll = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
    aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
    id: string,
    requests: ReadonlyArray<Request<Command>>
  ): Effect.fn.Return<
    ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
    ExecuteError
  > {
    const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
    yield* Effect.annotateCurrentSpan({
      "daybook.stream": streamId,
      "daybook.commands": requests.length
    })
    const now = yield* DateTime.now
    const metadata = yield* currentMetadata
    const identified: Array<Identified<Command>> = []
    for (const request of requests) {
      const commandId = yield* identify(request)
      identified.push({
        command: request.command,
        commandId,
        occurredAt: request.occurredAt ?? now
      })
    }
    const maxAttempts = yield* MaxAttempts
    const cursor = begin(
      aggregate,
      streamId,
      identified.map((request) => request.commandId)
    )
    yield* catchUp(aggregate, cursor)
    for (let attempt = 1; ; attempt++) {
      const decided = decideAll(aggregate, cursor, identified, metadata)
      if (Result.isFailure(decided)) return yield* decided.failure
      const { answers, events } = decided.success
      const appended = yield* Effect.result(
        Arr.isReadonlyArrayNonEmpty(events)
          ? Effect.map(
              store.append({
                streamId,
                expected: ExpectedRevision.exactly(cursor.revision),
                events
              }),
              ({ repeated }) => repeated
            )
          : Effect.succeed(false)
      )
      if (Result.isSuccess(appended) && !appended.success) {
        yield* Effect.forEach(answers, (answer) => count(aggregate.category, answer), {
          discard: true
        })
        return answers
      }
      const error = Result.isFailure(appended) ? appended.failure : undefined
      if (error instanceof WrongExpectedRevision) {
        yield* Metric.update(Metric.withAttributes(conflicts, { category: aggregate.category }), 1)
        yield* Effect.annotateCurrentSpan("daybook.attempts", attempt)
        if (attempt >= maxAttempts) return yield* error
        // The conflict brings the events in between, so mostly no read is needed to decide again.
        yield* Effect.fromResult(evolveBy(aggregate, cursor, error.between))
        if (cursor.revision < error.actual) yield* catchUp(aggregate, cursor)
      } else if (error === undefined || error instanceof EventIdConflict) {
        // The same commands ran elsewhere meanwhile, perhaps on another state: theirs is the answer.
        const known = cursor.recorded.size
        yield* catchUp(aggregate, cursor)
        if (cursor.recorded.size === known) {
          return yield* error ?? takenIds(streamId, events)
        }
      } else return yield* error
      yield* Metric.update(Metric.withAttributes(retries, { category: aggregate.category }), 1)
    }
  })

  /** Ids of these events are recorded on their stream, but not by the commands that they are of. */
  const takenIds = (streamId: StreamId, events: ReadonlyArray<NewEvent>) => {
    const ids = new Set(events.map(({ id }) => id))
    return store.read(streamId).pipe(
      Stream.filter(({ id }) => ids.has(id)),
      Stream.map(({ id, revision }) => ({ eventId: id, streamId, revision })),
      Stream.runCollect,
      Effect.catchTag("InvalidReadOption", Effect.die),
      Effect.flatMap((recorded) => Effect.fail(new EventIdConflict({ streamId, recorded })))
    )
  }

  return CommandHandler.of({
    execute: Effect.fn("CommandHandler.execute")(function* (aggregate, id, command, options) {
      const answers = yield* executeAll(aggregate, id, [{ ...options, command }])
      // One request has one answer.
      return yield* Effect.fromResult(Arr.getUnsafe(answers, 0))
    }),
    executeAll: Effect.fn("CommandHandler.executeAll")(executeAll),
    load: Effect.fn("CommandHandler.load")(function* (aggregate, id) {
      return yield* loadUpTo(aggregate, id)
    }),
    loadAt: Effect.fn("CommandHandler.loadAt")(function* (aggregate, id, at) {
      return yield* loadUpTo(aggregate, id, "revision" in at ? { to: at.revision } : { until: at })
    }),
    history: (aggregate, id) =>
      Stream.unwrap(
        Effect.map(Effect.fromResult(Aggregate.streamId(aggregate, id)), (streamId) => {
          const cursor = begin(aggregate, streamId, [])
          return store.read(streamId).pipe(
            Stream.catchTag("InvalidReadOption", Stream.die),
            Stream.mapEffect((recorded) => Effect.fromResult(entries(aggregate, cursor, recorded))),
            Stream.flattenIterable
          )
        })
      ).pipe(Stream.withSpan("CommandHandler.history", { attributes: { "daybook.id": id } }))
  })
})

/** The caller's metadata with the W3C trace context of the current span. */
const currentMetadata = Effect.gen(function* () {
  const metadata = yield* CurrentMetadata
  const span = yield* Effect.option(Effect.currentSpan)
  // The handler's own span alone is nobody's trace: only a caller's makes it one to be found again.
  if (Option.isNone(span) || Option.isNone(span.value.parent)) return metadata
  const { sampled, spanId, traceId } = span.value
  // A tracer that is switched off gives ids that are none.
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return metadata
  return { ...metadata, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` }
})

const count = <State, Event, Rejection>(
  category: string,
  answer: Result.Result<Executed<State, Event>, Rejection>
) => {
  const outcome = Result.isFailure(answer)
    ? "rejected"
    : answer.success.repeated
      ? "repeated"
      : "accepted"
  return Metric.update(Metric.withAttributes(commands, { category, outcome }), 1)
}
