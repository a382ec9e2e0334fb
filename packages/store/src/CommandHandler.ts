/**
 * Runs commands against a log: load, decide, append; decide again when another writer won.
 *
 * Laws:
 *
 * 1. A command id counts once: executing it again on the same stream records nothing and gives the
 *    first answer. A command that was rejected, or recorded nothing, left no trace: it is decided anew.
 * 2. Nothing is decided on a state that the append did not find.
 * 3. Snapshots and cached states are invisible: with any of them, stale ones and wrong ones included, or
 *    with none, the answers are the same.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type * as Revision from "@daybook/kernel/Revision"
import type { InvalidStreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import { WebCrypto } from "effect/crypto/WebCrypto"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { webcrypto } from "node:crypto"
import type { Executed, HistoryEntry, Loaded } from "./CommandResult.ts"
import { type AppendError, EventStore, type EventStoreError, type Until } from "./EventStore.ts"
import { type Cursor, entries, type Identified, nothing } from "./internal/decision.ts"
import * as CommandQueues from "./internal/commandQueues.ts"
import * as ExecuteAll from "./internal/executeAll.ts"
import { inSpan, isTraced } from "./internal/inSpan.ts"
import * as OpenStream from "./internal/openStream.ts"
import * as Snapshots from "./internal/snapshots.ts"
import * as StateCache from "./internal/stateCache.ts"
import type { SnapshotPolicy } from "./SnapshotPolicy.ts"
import type { SnapshotStore } from "./SnapshotStore.ts"

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
  readonly commandId?: CommandId | undefined
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
 * Of how many streams a handler keeps the newest state in memory; those used last. None unless provided
 * to its layer.
 *
 * **Details**
 * With it a command on such a stream appends without reading, and commands of this host on one stream
 * take turns. Memory is bounded by this number alone, not
 * by the size of the states. A state is shared by all who got it, so nobody may change it in place, as
 * `evolve` does not. The append proves the state by the id of its last event, so that a log which was
 * restored beneath the host is noticed.
 *
 * @category references
 * @since 0.1.0
 */
export const CachedStreams = Context.Reference<number>(
  "@daybook/store/CommandHandler/CachedStreams",
  { defaultValue: () => 0 }
)

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
    Effect.suspend(() => make(() => Effect.succeed(Snapshots.none)))
  )

  /**
   * Starts folds from snapshots, and takes new ones by `policy`, beside the commands.
   *
   * **Details**
   * Two are saved at once, and 64 more wait; beyond that a snapshot is skipped. None is taken inside of a
   * transaction of the caller. Closing the layer waits 5 seconds for what is being saved, then gives it up.
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
  const randomUUID = yield* Effect.map(
    WebCrypto,
    (crypto: webcrypto.Crypto) => () =>
      // A UUID in lower case, by its definition.
      crypto.randomUUID() as CommandId
  )
  const capacity = yield* CachedStreams
  const stream = OpenStream.make({
    store,
    cache: capacity > 0 ? StateCache.make(capacity) : undefined,
    snapshots: yield* makeSnapshots(capacity)
  })
  const atOnce = ExecuteAll.make(store, stream)
  const inQueue = yield* CommandQueues.make(atOnce)

  const identify = <Command>(
    request: Request<Command>,
    now: DateTime.Utc,
    metadata: EventMetadata
  ): Identified<Command> => {
    const { command, commandId, occurredAt = now } = request
    return commandId === undefined
      ? { command, commandId: randomUUID(), occurredAt, metadata, brought: false }
      : { command, commandId, occurredAt, metadata, brought: true }
  }

  const executeAll = <Command, State, Event, Rejection>(
    name: "execute" | "executeAll",
    aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
    id: string,
    requests: ReadonlyArray<Request<Command>>
  ): Effect.Effect<
    ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
    ExecuteError
  > => {
    const streamId = Aggregate.streamId(aggregate, id)
    const executing = Effect.withFiber(
      (fiber): ReturnType<typeof executeAll<Command, State, Event, Rejection>> => {
        if (Result.isFailure(streamId)) return Effect.fail(streamId.failure)
        const now = DateTime.makeUnsafe(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        const metadata = currentMetadata(fiber)
        const identified = requests.map((request) => identify(request, now, metadata))
        const maxAttempts = fiber.getRef(MaxAttempts)
        // A transaction holds the stream in the store until it ends: who waited here for another who waits
        // there would wait for ever.
        return Effect.flatMap(store.inTransaction, (isInside) =>
          (isInside ? atOnce : inQueue)(aggregate, streamId.success, identified, { maxAttempts })
        )
      }
    )
    return inSpan(executing, `CommandHandler.${name}`, () => ({
      attributes: {
        "daybook.stream": Result.getOrElse(streamId, ({ input }) => input),
        "daybook.commands": requests.length
      }
    }))
  }

  return CommandHandler.of({
    execute: (aggregate, id, command, options) =>
      Effect.flatMap(
        executeAll("execute", aggregate, id, [{ ...options, command }]),
        // One request has one answer.
        (answers) => Effect.fromResult(Arr.getUnsafe(answers, 0))
      ),
    executeAll: (aggregate, id, requests) => executeAll("executeAll", aggregate, id, requests),
    load: Effect.fn("CommandHandler.load")(function* (aggregate, id) {
      const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
      yield* Effect.annotateCurrentSpan("daybook.stream", streamId)
      const { cursor } = yield* stream.open(aggregate, streamId, {})
      yield* stream.remember(aggregate, streamId, cursor, false)
      return loaded(cursor)
    }),
    loadAt: Effect.fn("CommandHandler.loadAt")(function* (aggregate, id, at) {
      const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
      yield* Effect.annotateCurrentSpan("daybook.stream", streamId)
      const bound = "revision" in at ? { to: at.revision } : { until: at }
      const { cursor } = yield* stream.open(aggregate, streamId, bound)
      return loaded(cursor)
    }),
    history: (aggregate, id) =>
      Stream.unwrap(
        Effect.map(Effect.fromResult(Aggregate.streamId(aggregate, id)), (streamId) => {
          let { state } = nothing(aggregate)
          return store.read(streamId).pipe(
            Stream.catchTag("InvalidReadOption", Stream.die),
            Stream.mapEffect((recorded) => {
              const told = entries(aggregate, state, recorded)
              if (Result.isSuccess(told)) state = told.success.at(-1)?.state ?? state
              return Effect.fromResult(told)
            }),
            Stream.flattenIterable
          )
        })
      ).pipe(Stream.withSpan("CommandHandler.history", { attributes: { "daybook.id": id } }))
  })
})

const loaded = <State, Event>(cursor: Cursor<State, Event>): Loaded<State> => ({
  streamId: cursor.streamId,
  revision: cursor.revision,
  state: cursor.state
})

/** The caller's metadata with the W3C trace context of the current span. */
const currentMetadata = (fiber: Fiber.Fiber<unknown, unknown>): EventMetadata => {
  const metadata = fiber.getRef(CurrentMetadata)
  const current = Option.getOrUndefined(Context.getOption(fiber.context, Tracer.ParentSpan))
  // The handler's own span alone, which it has where there is a tracer, is nobody's trace: only a caller's makes it
  // one to be found again.
  const isOwn = isTraced(fiber) && current?._tag === "Span" && Option.isNone(current.parent)
  if (current === undefined || isOwn) return metadata
  const { sampled, spanId, traceId } = current
  // A tracer that is switched off gives ids that are none.
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return metadata
  return { ...metadata, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` }
}
