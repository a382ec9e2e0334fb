/**
 * Runs commands against a log: load, decide, append; decide again when another writer won. The loop
 * is in `internal/command/execute.ts`.
 *
 * Laws:
 *
 * 1. A command id counts once per stream: executing it again there records nothing and returns the
 *    first answer. The same id on another stream is another command. A command that was rejected
 *    or recorded nothing left no trace, so it is decided again.
 *    With `executeTogether` it counts once per set of streams.
 * 2. An append records events only if the stream is in the state they were decided on.
 * 3. Snapshots and cached states are invisible: the answers are the same with any of them, stale
 *    and wrong ones included, and with none.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { InvalidStreamId, StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import { WebCrypto } from "effect/crypto/WebCrypto"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { webcrypto } from "node:crypto"
import * as CommandCall from "./CommandCall.ts"
import {
  type AppendError,
  EventStore,
  type EventStoreError,
  type InvalidReadOption,
  type Until
} from "./EventStore.ts"
import * as Decorated from "./driver/Decorated.ts"
import * as ExpectedRevision from "./ExpectedRevision.ts"
import { entries, type FoldProgress, initial } from "./internal/command/fold.ts"
import * as CommandQueue from "./internal/command/commandQueue.ts"
import * as Limiter from "./internal/batch/limiter.ts"
import { partsOf } from "./internal/command/decideTogether.ts"
import * as Execute from "./internal/command/execute.ts"
import * as ExecuteTogether from "./internal/command/executeTogether.ts"
import * as Budget from "./internal/batch/budget.ts"
import { readOptions } from "./internal/driver/readOptions.ts"
import { inSpan } from "./internal/driver/inSpan.ts"
import * as Load from "./internal/command/load.ts"
import * as Snapshots from "./internal/snapshot/snapshots.ts"
import * as Cache from "./internal/command/cache.ts"
import { identify, roughSize } from "./internal/command/request.ts"
import { MaxHeld, type Overloaded } from "./Overloaded.ts"
import type { SnapshotPolicy } from "./SnapshotPolicy.ts"
import type { SnapshotStore } from "./SnapshotStore.ts"

/**
 * The outcome of an accepted command.
 *
 * @category types
 * @since 0.1.0
 */
export interface Executed<out State, out Event> {
  readonly streamId: StreamId
  /** The revision of the stream after the command. */
  readonly revision: Revision
  /**
   * The position to wait for until a read model reflects this answer: the last event of the append
   * that recorded the command. If it recorded nothing, the stream's last event, or `Position.start`
   * for an empty stream. For a repeated command, its own last event.
   */
  readonly position: Position
  /** The state of the stream after the command. */
  readonly state: State
  /** The recorded events, perhaps none, as the codec reads them back: without unstored parts. */
  readonly events: ReadonlyArray<Event>
  /** True when the command id was recorded before, so this call recorded nothing. */
  readonly repeated: boolean
}

/**
 * A state and the revision it was folded up to; revision 0 is the initial state.
 *
 * @category types
 * @since 0.1.0
 */
export interface Loaded<out State> {
  readonly streamId: StreamId
  readonly revision: Revision
  readonly state: State
}

/**
 * An event with the state after it.
 *
 * @category types
 * @since 0.1.0
 */
export interface HistoryEntry<out State, out Event> {
  readonly recorded: RecordedEvent
  /** The place of `event` among the events that `recorded` decodes to, from 0. */
  readonly index: number
  readonly event: Event
  readonly state: State
}

/**
 * A command with its identity and time.
 *
 * @category types
 * @since 0.1.0
 */
export interface Request<out Command> extends RequestOptions {
  readonly command: Command
}

/**
 * The revision at which the caller of a command knows the stream.
 *
 * @category types
 * @since 0.1.0
 */
export interface ExpectOptions {
  /**
   * The state of the stream that the command requires, like `If-Match` of an HTTP request; `Any` by
   * default. If the stream has moved on, the command fails with `WrongExpectedRevision` at once and
   * is not decided again. A command that was recorded before still returns its first answer.
   */
  readonly expected?: ExpectedRevision.ExpectedRevision | undefined
}

/**
 * The identity and time of a command, see {@link Request}.
 *
 * @category types
 * @since 0.1.0
 */
export interface RequestOptions {
  /** Drawn at random when absent, so only a command that has one is safe to repeat. */
  readonly commandId?: CommandId | undefined
  /** The time of the `Clock` when absent. */
  readonly occurredAt?: DateTime.Utc | undefined
}

/**
 * A past moment of a stream: a revision or an instant. See {@link Until}.
 *
 * @category types
 * @since 0.1.0
 */
export type At =
  | Until
  | {
      readonly revision: Revision
      readonly occurredAt?: never
      readonly recordedAt?: never
    }

/**
 * The errors of loading a state.
 *
 * @category errors
 * @since 0.1.0
 */
export type LoadError = InvalidStreamId | EventDecodeError | Overloaded | EventStoreError

/**
 * The errors of a command; `WrongExpectedRevision` when the stream is not as its caller expects, or
 * after {@link MaxAttempts} lost races.
 *
 * @category errors
 * @since 0.1.0
 */
export type CommandError = LoadError | EventEncodeError | AppendError

/**
 * The metadata recorded with every event of the commands that run inside; see
 * {@link EventMetadata}.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentMetadata = Context.Reference<
  Pick<EventMetadata, "correlationId" | "causationId" | "actor" | "tracestate" | "custom">
>("@daybook/store/CommandHandler/CurrentMetadata", { defaultValue: () => ({}) })

/**
 * The number of times a command is decided before a lost race is reported to its caller.
 *
 * **Details**
 * 64 by default: a store serves waiting appends in turn, so a writer loses about once for each
 * other writer of the stream.
 *
 * @category references
 * @since 0.1.0
 */
export const MaxAttempts = Context.Reference<number>("@daybook/store/CommandHandler/MaxAttempts", {
  defaultValue: () => 64
})

/**
 * The number of streams whose newest state a handler keeps in memory, the most recently used ones;
 * 0 unless provided to its layer.
 *
 * **Details**
 * A command on such a stream appends without reading, and commands of this host on one stream take
 * turns. This number alone bounds the memory, not the size of the states. All callers share a
 * state, so none may change it in place; `evolve` does not. The append proves the state by the
 * mark of its last event, which detects a log that was restored beneath the host.
 *
 * @category references
 * @since 0.1.0
 */
export const CachedStreams = Context.Reference<number>(
  "@daybook/store/CommandHandler/CachedStreams",
  { defaultValue: () => 0 }
)

/**
 * The number of commands and loads that a handler runs at once; more wait at its door, in their
 * order. 256 unless provided to its layer.
 *
 * **Details**
 * Without the door a burst would fill the queue of the connection pool, ahead of all other users of
 * the pool. 256 keep the ten connections of a pool busy and are written in batches. Commands that
 * wait for their stream wait outside the door, and then take one place together. A command or load
 * in the caller's transaction already has its connection and takes no place. `history` takes none
 * either: it has a connection for one page at a time, and its consumer may execute commands
 * meanwhile.
 *
 * @category references
 * @since 0.1.0
 */
export const CommandsAtOnce = Context.Reference<number>(
  "@daybook/store/CommandHandler/CommandsAtOnce",
  { defaultValue: () => 256 }
)

/**
 * The commands and states of one aggregate, for callers that work with it alone; made by
 * `CommandHandler.for`.
 *
 * @category types
 * @since 0.1.0
 */
export interface AggregateHandle<in Command, out State, out Event, out Rejection> {
  /** Decides `command` on the instance `id` and appends the resulting events. */
  readonly execute: (
    id: string,
    command: Command,
    options?: RequestOptions & ExpectOptions
  ) => Effect.Effect<Executed<State, Event>, Rejection | CommandError>
  /** Decides commands on the instance `id`, each in the state that those before it left. */
  readonly executeAll: (
    id: string,
    requests: ReadonlyArray<Request<Command>>,
    options?: ExpectOptions
  ) => Effect.Effect<ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>, CommandError>
  /** Returns a command on the instance `id` as a call of `executeTogether`. */
  readonly call: (id: string, command: Command) => CommandCall.CommandCall<State, Event, Rejection>
  /** Returns the state of the instance `id` now; the initial one when it has no events. */
  readonly load: (id: string) => Effect.Effect<Loaded<State>, LoadError>
  /** Returns the state of the instance `id` as of a revision or an instant. */
  readonly loadAt: (
    id: string,
    at: At
  ) => Effect.Effect<Loaded<State>, LoadError | InvalidReadOption>
  /** Returns each event of the instance `id`, oldest first, with the state after it. */
  readonly history: (id: string) => Stream.Stream<HistoryEntry<State, Event>, LoadError>
}

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
     * Decides `command` on the instance `id` and appends the resulting events.
     *
     * **Details**
     * Errors: the decider's rejection; {@link CommandError}. Nothing was written, except perhaps
     * after an `EventStoreError`: repeat the command with the same id.
     */
    readonly execute: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string,
      command: Command,
      options?: RequestOptions & ExpectOptions
    ) => Effect.Effect<Executed<State, Event>, Rejection | CommandError>

    /**
     * Decides commands on the instance `id`, each in the state that those before it left, and
     * appends the events of all accepted ones in one append, all or none.
     *
     * **Details**
     * The answers are in the order of `requests`; a rejected command does not affect the others.
     * Shape: accepted commands may result in `MAX_EVENTS` events together (see `EventStore`).
     * `expected` applies to the stream before the first command. If one of the commands was
     * recorded before, the call is a repeated one: it succeeds, unless it would record an event on
     * a stream that has moved on.
     */
    readonly executeAll: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string,
      requests: ReadonlyArray<Request<Command>>,
      options?: ExpectOptions
    ) => Effect.Effect<
      ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
      CommandError
    >

    /**
     * Decides commands of one or several aggregates on several instances, each on the state of its
     * own, and appends all events in one append, all or none.
     *
     * **Details**
     * The answers are in the order of `calls` and at one position, that of the last event. Several
     * commands on one instance are decided in their order. An instance whose commands record
     * nothing has to stay as it was decided on until the append. One command id is that of all
     * calls: repeated on the same instances, in whatever order, they give the first answers.
     * Shape: see `EventStore.appendAll`. An instance has the same aggregate in all calls.
     * Errors: `CommandRejected`, the first of `calls` that was rejected; {@link CommandError}.
     */
    readonly executeTogether: <const Calls extends ReadonlyArray<CommandCall.Any>>(
      calls: Calls,
      options?: RequestOptions
    ) => Effect.Effect<
      CommandCall.Answers<Calls>,
      CommandCall.CommandRejected<CommandCall.Rejections<Calls>> | CommandError
    >

    /** Loads the current state of the instance `id`; the initial state when it has no events. */
    readonly load: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string
    ) => Effect.Effect<Loaded<State>, LoadError>

    /** Loads the state of the instance `id` as of a revision or an instant. */
    readonly loadAt: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string,
      at: At
    ) => Effect.Effect<Loaded<State>, LoadError | InvalidReadOption>

    /** Reads each event of the instance `id`, oldest first, with the state after it. */
    readonly history: <Command, State, Event, Rejection>(
      aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
      id: string
    ) => Stream.Stream<HistoryEntry<State, Event>, LoadError>
  }
>()("@daybook/store/CommandHandler") {
  /** Returns the handle of one aggregate, whose methods take no aggregate. */
  static readonly for = <Command, State, Event, Rejection>(
    aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
  ): Effect.Effect<AggregateHandle<Command, State, Event, Rejection>, never, CommandHandler> =>
    Effect.map(CommandHandler, (handler) => ({
      execute: (id, command, options) => handler.execute(aggregate, id, command, options),
      executeAll: (id, requests, options) => handler.executeAll(aggregate, id, requests, options),
      call: (id, command) => CommandCall.make(aggregate, id, command),
      load: (id) => handler.load(aggregate, id),
      loadAt: (id, at) => handler.loadAt(aggregate, id, at),
      history: (id) => handler.history(aggregate, id)
    }))

  /** Draws ids for commands that have none from the `WebCrypto` reference of `effect`. */
  static readonly layer: Layer.Layer<CommandHandler, never, EventStore> = Layer.effect(
    CommandHandler,
    Effect.suspend(() => make(() => Effect.succeed(Snapshots.none)))
  )

  /**
   * Starts folds from snapshots, and takes new ones by `policy`, concurrently with the commands.
   *
   * **Details**
   * Two snapshots are saved at once and 64 more wait; further ones are skipped. None is taken
   * inside a transaction of the caller. Closing the layer waits 5 seconds for saves in progress,
   * then interrupts them.
   */
  static readonly layerSnapshots = (
    policy: SnapshotPolicy
  ): Layer.Layer<CommandHandler, never, EventStore | SnapshotStore> =>
    Layer.effect(
      CommandHandler,
      Effect.suspend(() => make((cachedStreams) => Snapshots.make(policy, cachedStreams)))
    ).pipe(Layer.provide(Digest.layerWebCrypto))
}

const make = Effect.fnUntraced(function* <R>(
  makeSnapshots: (cachedStreams: number) => Effect.Effect<Snapshots.Snapshots, never, R>
) {
  const store = yield* EventStore
  yield* Decorated.handled(store)
  const drawId = yield* Effect.map(
    WebCrypto,
    (crypto: webcrypto.Crypto) => () =>
      // `randomUUID` returns lower case, by its definition.
      crypto.randomUUID() as CommandId
  )
  const capacity = yield* CachedStreams
  const load = Load.make({
    store,
    cache: capacity > 0 ? Cache.make(capacity) : undefined,
    snapshots: yield* makeSnapshots(capacity)
  })
  const execute = Execute.make(store, load)
  const together = ExecuteTogether.make(store, load)
  const enter = Limiter.make(yield* CommandsAtOnce)
  const { hold, keep } = Budget.make("handler", yield* MaxHeld)
  /**
   * Skips the door inside a transaction: the caller already has a connection, and perhaps the lock
   * of a stream that the commands past the door wait for, so waiting here could deadlock.
   */
  const limited = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Overloaded, R> =>
    Effect.flatMap(store.inTransaction, (isInside) =>
      isInside ? effect : hold({ calls: 1, bytes: 0 }, enter(effect))
    )
  // The queue of a stream stands before the door: a hot stream must not occupy all places.
  const queue = yield* CommandQueue.make(
    (aggregate, streamId, requests, options) =>
      enter(execute(aggregate, streamId, requests, options)),
    (requests) => keep(sizeOf(requests))
  )

  const executeAll = <Command, State, Event, Rejection>(
    name: "execute" | "executeAll",
    aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
    id: string,
    requests: ReadonlyArray<Request<Command>>,
    { expected = ExpectedRevision.any }: ExpectOptions = {}
  ): Effect.Effect<
    ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
    CommandError
  > => {
    const streamId = Aggregate.streamId(aggregate, id)
    const executing = Effect.withFiber(
      (fiber): ReturnType<typeof executeAll<Command, State, Event, Rejection>> => {
        if (Result.isFailure(streamId)) return Effect.fail(streamId.failure)
        const identified = identify(streamId.success, requests, {
          fiber,
          metadata: fiber.getRef(CurrentMetadata),
          drawId
        })
        if (Result.isFailure(identified)) return Effect.fail(identified.failure)
        const given = { maxAttempts: fiber.getRef(MaxAttempts), expected }
        // The caller's transaction may already hold this stream's lock. Queueing after a command
        // that waits for that lock would deadlock, so commands inside a transaction skip the queue.
        return Effect.flatMap(store.inTransaction, (isInside) =>
          isInside
            ? execute(aggregate, streamId.success, identified.success, given)
            : hold(
                sizeOf(requests),
                queue.execute(aggregate, streamId.success, identified.success, given)
              )
        )
      }
    )
    return inSpan(executing, `CommandHandler.${name}`, () => ({
      attributes: { ...ofStream(streamId), "daybook.commands": requests.length }
    }))
  }

  /** Executes the calls; the answers have the types of the calls. */
  const executeTogether = (
    calls: ReadonlyArray<CommandCall.Any>,
    options: RequestOptions
  ): Effect.Effect<
    ReadonlyArray<Executed<unknown, unknown>>,
    CommandCall.CommandRejected<unknown> | CommandError
  > =>
    Effect.withFiber((fiber): ReturnType<typeof executeTogether> => {
      if (!Arr.isReadonlyArrayNonEmpty(calls)) return Effect.succeed([])
      const parts = partsOf(calls, (streamId) =>
        Result.map(
          identify(streamId, [{ ...options, command: undefined }], {
            fiber,
            metadata: fiber.getRef(CurrentMetadata),
            drawId
          }),
          // One request has one identity.
          (identified) => Arr.getUnsafe(identified, 0)
        )
      )
      if (Result.isFailure(parts)) return Effect.fail(parts.failure)
      const run = (inTurn: boolean) =>
        together(parts.success, { maxAttempts: fiber.getRef(MaxAttempts), inTurn })
      const requests = parts.success.flatMap((part) => part.requests)
      const streamIds = parts.success.map(({ streamId }) => streamId)
      return Effect.flatMap(store.inTransaction, (isInside) =>
        isInside
          ? run(true)
          : hold(sizeOf(requests), queue.inTurns(streamIds, requests, enter(run(false))))
      ).pipe(Effect.flatMap(Effect.fromResult))
    })

  return CommandHandler.of({
    execute: (aggregate, id, command, options) =>
      Effect.flatMap(
        executeAll("execute", aggregate, id, [{ ...options, command }], options),
        // One request has one answer.
        (answers) => Effect.fromResult(Arr.getUnsafe(answers, 0))
      ),
    executeAll: (aggregate, id, requests, options) =>
      executeAll("executeAll", aggregate, id, requests, options),
    executeTogether: <const Calls extends ReadonlyArray<CommandCall.Any>>(
      calls: Calls,
      options: RequestOptions = {}
    ) =>
      inSpan(executeTogether(calls, options), "CommandHandler.executeTogether", () => ({
        attributes: { "daybook.commands": calls.length }
      })) as Effect.Effect<
        CommandCall.Answers<Calls>,
        CommandCall.CommandRejected<CommandCall.Rejections<Calls>> | CommandError
      >,
    load: (aggregate, id) => {
      const streamId = Aggregate.streamId(aggregate, id)
      const loading = Effect.flatMap(Effect.fromResult(streamId), (valid) =>
        limited(
          Effect.flatMap(load.open(aggregate, valid, {}), ({ progress }) =>
            Effect.as(load.remember(aggregate, valid, progress, false), loaded(progress))
          )
        )
      )
      return inSpan(loading, "CommandHandler.load", () => ({ attributes: ofStream(streamId) }))
    },
    loadAt: (aggregate, id, at) => {
      const streamId = Aggregate.streamId(aggregate, id)
      const bound = "revision" in at ? { to: at.revision } : { until: at }
      const loading = Effect.flatMap(Effect.fromResult(streamId), (valid) =>
        // Checked here, as the caller's error: inside `open` the options are the handler's own, and
        // a refused one is a defect.
        Effect.flatMap(Effect.fromResult(readOptions(bound)), () =>
          Effect.map(limited(load.open(aggregate, valid, bound)), ({ progress }) =>
            loaded(progress)
          )
        )
      )
      return inSpan(loading, "CommandHandler.loadAt", () => ({ attributes: ofStream(streamId) }))
    },
    history: (aggregate, id) =>
      Stream.unwrap(
        Effect.map(Effect.fromResult(Aggregate.streamId(aggregate, id)), (streamId) => {
          let { state } = initial(aggregate)
          return store.read(streamId).pipe(
            Stream.catchTag("InvalidReadOption", Stream.die),
            Stream.mapEffect((recorded) => {
              const decoded = entries(aggregate, state, recorded)
              if (Result.isSuccess(decoded)) state = decoded.success.at(-1)?.state ?? state
              return Effect.fromResult(decoded)
            }),
            Stream.flattenIterable
          )
        })
      ).pipe(Stream.withSpan("CommandHandler.history", { attributes: { "daybook.id": id } }))
  })
})

/** The attributes of a span, also for an id that can't name a stream. */
const ofStream = (
  streamId: Result.Result<StreamId, InvalidStreamId>
): { readonly "daybook.stream": string } => ({
  "daybook.stream": Result.getOrElse(streamId, ({ input }) => input)
})

const loaded = <State, Event>(progress: FoldProgress<State, Event>): Loaded<State> => ({
  streamId: progress.streamId,
  revision: progress.revision,
  state: progress.state
})

const sizeOf = (requests: ReadonlyArray<unknown>) => ({
  calls: requests.length,
  bytes: roughSize(requests)
})
