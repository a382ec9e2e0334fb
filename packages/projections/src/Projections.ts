/**
 * Maintains read models, from their checkpoint to the head of the log and then live; and rebuilds
 * them beside the serving rows. However many hosts start, one host maintains each read model.
 *
 * Laws:
 *
 * 1. The rows equal a fold from the first event, after any crash, repetition or takeover.
 * 2. An event that a read model can't fold stops that read model alone, at that event.
 * 3. Rebuilt rows serve only if they equal the serving rows; rows of a new version serve only when
 *    they are caught up.
 *
 * @since 0.1.0
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type * as Projection from "@daybook/kernel/Projection"
import type * as Position from "@daybook/kernel/Position"
import { EventStore, type EventStoreError } from "@daybook/store/EventStore"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ChangeSignal from "./internal/runner/changeSignal.ts"
import { checkedWhy } from "./internal/runner/checkedWhy.ts"
import { buildShadow } from "./internal/runner/buildShadow.ts"
import { codeFingerprint } from "./internal/fold/codeFingerprint.ts"
import { maintainServing } from "./internal/runner/maintainServing.ts"
import * as History from "./internal/runner/history.ts"
import * as InlineAppends from "./internal/runner/inlineAppends.ts"
import * as Leases from "./internal/runner/leases.ts"
import * as SharedCalls from "./internal/runner/sharedCalls.ts"
import * as LoopErrors from "./internal/runner/loopErrors.ts"
import * as Rebuild from "./internal/runner/rebuild.ts"
import { recordedText } from "./internal/fold/recordedText.ts"
import { type AnyModel } from "./internal/fold/rowFold.ts"
import { forever } from "./internal/runner/loop.ts"
import { categoriesOf, type Runner } from "./internal/runner/runner.ts"
import * as Stops from "./internal/runner/stops.ts"
import { tryStoppedAgain } from "./internal/runner/tryStoppedAgain.ts"
import * as Waiters from "./internal/runner/waiters.ts"
import * as Status from "./ProjectionStatus.ts"
import type { Act, Why } from "./ReadModelAct.ts"
import {
  type AlreadyFolded,
  type DefinitionChanged,
  type HistoryChanged,
  InvalidSkipReason,
  type InvalidWhy,
  NoEventToSkip,
  type OtherLog,
  type ReadModelStoreError
} from "./ReadModelError.ts"
import {
  type GenerationState,
  MAX_ISSUE_LENGTH,
  SkipReason,
  type Skipped
} from "./driver/ReadModelGeneration.ts"
import { ReadModelStore } from "./ReadModelStore.ts"
import * as ReadModelTable from "./driver/ReadModelTable.ts"
import { RunnerSettings } from "./RunnerSettings.ts"

/**
 * The errors of every operation of a runner.
 *
 * @category errors
 * @since 0.1.0
 */
export type RunnerError = Status.UnknownProjection | EventStoreError | ReadModelStoreError

/**
 * The errors with which a host that maintains read models fails to start.
 *
 * @category errors
 * @since 0.1.0
 */
export type StartError =
  | ReadModelTable.InvalidProjection
  | OtherLog
  | DefinitionChanged
  | EventStoreError
  | ReadModelStoreError

/**
 * The read models of a host, by the time at which an event reaches their rows.
 *
 * @category types
 * @since 0.1.0
 */
export interface ReadModels {
  /** Maintained by a runner, after the append. */
  readonly async?: ReadonlyArray<Projection.Any>
  /**
   * Maintained in the transaction of the append: once an append has succeeded, the rows reflect it.
   * In PostgreSQL, concurrent `append`s of a host go together in one transaction, unless their
   * caller has a transaction open or the event store beneath is wrapped; an `appendAll` goes alone.
   * Appends of several hosts that touch the same row wait for each other's commit.
   */
  readonly inline?: ReadonlyArray<Projection.Any>
}

/**
 * The reasons why a rebuild ends without a switch.
 *
 * @category errors
 * @since 0.1.0
 */
export type RebuildError = Rebuild.RebuildError

/**
 * Runs and administers the read models of a host.
 *
 * @category services
 * @since 0.1.0
 */
export class Projections extends Context.Service<
  Projections,
  {
    /** Returns the status of a read model. */
    readonly status: (name: string) => Effect.Effect<Status.Status, RunnerError>

    /** The statuses of all read models, in the order in which they were given. */
    readonly statuses: Effect.Effect<ReadonlyArray<Status.Status>, RunnerError>

    /**
     * Waits until the serving rows include every event up to `position`. Pass an append's position
     * to read your own writes.
     *
     * **Details**
     * Errors: `WaitTimedOut` after `timeout`; `ProjectionStopped` when an event before the position
     * stopped the read model; `HistoryChanged` when its rows are of another history than the log.
     */
    readonly waitFor: (
      name: string,
      position: Position.Position,
      timeout: Duration.Input
    ) => Effect.Effect<
      void,
      RunnerError | Status.WaitTimedOut | Status.ProjectionStopped | HistoryChanged
    >

    /** Stops folding events into a read model, on all hosts, until it is resumed. */
    readonly pause: (name: string, why?: Why) => Effect.Effect<void, RunnerError | InvalidWhy>

    /** Ends a pause, and tries the event that stopped the read model again. */
    readonly resume: (name: string, why?: Why) => Effect.Effect<void, RunnerError | InvalidWhy>

    /**
     * Skips the event at a position, now and in every rebuild of this version, and records the
     * reason.
     *
     * **Details**
     * `reason`: a `SkipReason`, text of at most 1,000 UTF-16 code units.
     * Errors: `AlreadyFolded`, the serving rows hold the event; `InvalidSkipReason`;
     * `NoEventToSkip`, the log has no event at the position.
     */
    readonly skip: (
      name: string,
      position: Position.Position,
      reason: string,
      by?: Pick<Why, "actor">
    ) => Effect.Effect<
      void,
      RunnerError | AlreadyFolded | InvalidSkipReason | NoEventToSkip | InvalidWhy
    >

    /**
     * Returns the acts on a read model, with actor and reason: pauses, resumes, skips, rebuilds,
     * switches and drops, in the order of time.
     *
     * **Details**
     * In PostgreSQL they are rows of `acts` beside the log. The role that maintains read models can
     * add rows to that table, but not change any.
     */
    readonly acts: (name: string) => Effect.Effect<ReadonlyArray<Act>, RunnerError>

    /** Returns the skipped events of a read model, in position order. */
    readonly skipped: (name: string) => Effect.Effect<ReadonlyArray<Skipped>, RunnerError>

    /**
     * Rebuilds the rows beside the serving ones, compares the two at one position, and switches if
     * they are equal.
     *
     * **Details**
     * The first element is emitted when the rebuild has begun, the last one when its rows serve.
     * The rebuild goes on when the stream is abandoned; when this host dies, another host ends it.
     * The old rows are kept as a retired generation.
     * It ends at the position of the serving rows, not at the head: `target` is that position.
     * Errors: `RowsDiffer`, row by row: the old rows go on serving, and the rebuilt rows are kept
     * as a retired generation. `ProjectionStopped` also when an event before `upTo` stopped the
     * serving rows. `ReadModelStoreError`, such as one caused by `LockHeld`, when this host failed
     * for some seconds: hosts go on trying with the shadow.
     */
    readonly rebuild: (
      name: string,
      options?: Why & {
        /** The number of parts that are built at the same time, by key. */
        readonly parallelism?: number
        /**
         * A position that both must include before they are compared, such as that of an append; a
         * host that takes the build over does not know it. Rows that are not compared, of a new
         * version or after a restore, include it before they serve.
         */
        readonly upTo?: Position.Position
        /**
         * Lets the rebuilt rows serve although they differ: the serving rows were tampered with, or
         * a fold was corrected without a new version. It holds for this shadow, whichever host ends
         * the rebuild, until a call without it. Actor, reason and number of rows are in `acts`.
         */
        readonly accept?: boolean
      }
    ) => Stream.Stream<Status.Progress, RebuildError>

    /** Returns all generations of a read model: retired ones are kept until they are dropped. */
    readonly generations: (
      name: string
    ) => Effect.Effect<ReadonlyArray<GenerationState>, RunnerError>

    /** Drops the rows of a generation that does not serve. */
    readonly drop: (
      name: string,
      generation: number,
      why?: Why
    ) => Effect.Effect<void, RunnerError | InvalidWhy>
  }
>()("@daybook/projections/Projections") {
  /**
   * Maintains read models: `async` ones by a runner after the log, `inline` ones by the appends of
   * the `EventStore` that this layer puts in the place of the one beneath it.
   *
   * **Details**
   * Build everything that appends on top of this layer, with `Layer.provide` or `provideMerge`, on
   * every host with the same read models. A handler beside it, by `Layer.merge`, appends through
   * the store beneath: inline rows miss its events, and a warning is logged.
   *
   * ```ts
   * import type * as Projection from "@daybook/kernel/Projection"
   * import { Projections } from "@daybook/projections/Projections"
   * import { CommandHandler } from "@daybook/store/CommandHandler"
   * import { Layer } from "effect"
   *
   * export const host = (inline: ReadonlyArray<Projection.Any>) =>
   *   CommandHandler.layer.pipe(Layer.provideMerge(Projections.layer({ inline })))
   * ```
   *
   * The runner catches inline rows up and hands them to the appends. It also maintains them after
   * an event that a projection can't fold: the event is appended all the same, and the runner stops
   * there. Only inside a transaction of the caller, which holds the rows, the append fails.
   * A superseded version is left alone and logged: another host is newer.
   * Errors: `InvalidProjection`, it has no table; `OtherLog`, its rows are of another log;
   * `DefinitionChanged`, with the difference. Those of an append stay as they are; a failure of the
   * read-model store in it is an `EventStoreError`.
   */
  static readonly layer = (
    readModels: ReadModels
  ): Layer.Layer<Projections | EventStore, StartError, EventStore | ReadModelStore> =>
    Projections.layerRunner(readModels).pipe(
      Layer.provideMerge(Projections.layerAppends(readModels.inline ?? []))
    )

  /**
   * Is the runner of `layer` alone, for a host that does not append, or whose runner has a database
   * login apart from that of its appends.
   *
   * @see {@link layerAppends}
   */
  static readonly layerRunner = (
    readModels: ReadModels
  ): Layer.Layer<Projections, StartError, EventStore | ReadModelStore> =>
    Layer.effect(Projections, make(readModels.async ?? [], readModels.inline ?? [])).pipe(
      Layer.provide(Layer.merge(SecureRandom.layerWebCrypto, Digest.layerWebCrypto))
    )

  /**
   * Is the event store of `layer` alone, whose appends maintain the inline read models, for a host
   * without a runner.
   *
   * **Details**
   * The rows are inline once a runner of some host has caught them up. Both stores must be on one
   * database, or in one process.
   *
   * @see {@link layerRunner}
   */
  static readonly layerAppends = (
    inline: ReadonlyArray<Projection.Any>
  ): Layer.Layer<EventStore, ReadModelTable.InvalidProjection, EventStore | ReadModelStore> =>
    Layer.effect(EventStore, InlineAppends.make(inline))
}

const make = Effect.fnUntraced(function* (
  async: ReadonlyArray<Projection.Any>,
  inline: ReadonlyArray<Projection.Any>
) {
  const events = yield* EventStore
  const store = yield* ReadModelStore
  const random = yield* SecureRandom.SecureRandom
  const settings = yield* RunnerSettings
  const models = new Map<string, AnyModel>()
  const codes = new Map<string, string>()
  for (const projection of [...async, ...inline]) {
    const table = yield* Effect.fromResult(ReadModelTable.make(projection))
    if (models.has(projection.name)) {
      return yield* Effect.die(new Error(`two projections are named ${projection.name}`))
    }
    const model = { projection, table }
    models.set(projection.name, model)
    codes.set(projection.name, yield* codeFingerprint(model, settings.build))
  }
  const owner = yield* random.uuidV4()
  const lease = Duration.fromInputUnsafe(settings.lease)
  const pollInterval = Duration.fromInputUnsafe(settings.pollInterval)
  const changes = ChangeSignal.make()
  // A stream of a rebuild may outlive the runner.
  yield* Effect.addFinalizer(() => Effect.sync(changes.closeUnsafe))
  const errors = LoopErrors.make()
  const runner: Runner = {
    events,
    store,
    changes,
    errors,
    leases: yield* Leases.make({ store, changes, errors, lease, pollInterval }),
    shared: yield* SharedCalls.make(events, store),
    stops: Stops.make({ owner, build: settings.build, codes }),
    mismatches: new Map(),
    rebuilding: new Set(),
    log: yield* events.identity,
    owner,
    lease,
    pollInterval,
    parallelism: settings.parallelism
  }
  for (const model of models.values()) {
    yield* store.open(model.table, { parallelism: runner.parallelism, log: runner.log }).pipe(
      // A newer host serves while this one is replaced.
      Effect.catchTag("Superseded", (error) => Effect.logWarning(error.message))
    )
  }
  yield* tryStoppedAgain(runner, models.values())
  const waiters = new Map<string, Waiters.Waiters>()
  for (const model of models.values()) {
    const { name } = model.table
    waiters.set(name, yield* Waiters.make(runner, model))
    const kept = maintainServing(runner, model, inline.includes(model.projection))
    yield* Effect.forkScoped(forever(runner, name, "serving", kept))
    yield* Effect.forkScoped(forever(runner, name, "building", buildShadow(runner, model)))
  }
  // Other processes do not notify this one.
  yield* Effect.sleep(pollInterval).pipe(
    Effect.andThen(Effect.sync(changes.notifyAllUnsafe)),
    Effect.forever,
    Effect.forkScoped
  )

  const find = (name: string): Effect.Effect<AnyModel, Status.UnknownProjection> =>
    Effect.suspend(() => {
      const model = models.get(name)
      return model === undefined
        ? new Status.UnknownProjection({
            name,
            known: Array.from(models.values(), ({ table }) => table.name)
          })
        : Effect.succeed(model)
    })
  const changing = <A, E>(name: Projection.Name, change: Effect.Effect<A, E>) =>
    Effect.tap(change, () => Effect.sync(() => runner.changes.notifyUnsafe(name, "state")))

  const statusOf = Effect.fnUntraced(function* (model: AnyModel) {
    const states = yield* store.states(model.table.name)
    const serving = states.find(({ role }) => role === "serving")
    // It was opened above, and a serving generation is never dropped.
    if (serving === undefined) return yield* Effect.die(`${model.table.name} serves nothing`)
    const shadow = states.find(({ role }) => role === "shadow")
    const backlog = yield* events
      .backlog({ after: Status.position(serving), categories: categoriesOf(model) })
      .pipe(Effect.catchTag("InvalidReadOption", Effect.die))
    const mismatch = yield* History.mismatch(events, serving)
    return Status.make(serving, {
      shadow: Option.fromUndefinedOr(shadow),
      backlog,
      mismatch: Option.fromUndefinedOr(mismatch),
      lastErrors: {
        serving: runner.errors.of(serving.name, "serving"),
        building:
          runner.errors.of(serving.name, "rebuilding") ?? runner.errors.of(serving.name, "building")
      },
      now: yield* DateTime.now
    })
  })

  const timedOut = Effect.fnUntraced(function* (
    model: AnyModel,
    position: Position.Position,
    duration: Duration.Duration
  ) {
    const { position: reached } = yield* statusOf(model)
    const { name } = model.table
    const timeoutMillis = Duration.toMillis(duration)
    return yield* new Status.WaitTimedOut({ name, position, reached, timeoutMillis })
  })

  return Projections.of({
    status: Effect.fn("Projections.status")(function* (name) {
      return yield* statusOf(yield* find(name))
    }),
    statuses: Effect.suspend(() => Effect.forEach(models.values(), statusOf)).pipe(
      Effect.withSpan("Projections.statuses")
    ),
    waitFor: Effect.fn("Projections.waitFor")(function* (name, position, timeout) {
      const model = yield* find(name)
      const duration = Duration.fromInputUnsafe(timeout)
      const known = waiters.get(model.table.name) ?? (yield* Effect.die("no waiters"))
      yield* known.until(position).pipe(
        Effect.timeoutOrElse({
          duration,
          // The shared poll may wait for a connection that the caller's transaction holds.
          orElse: () =>
            Effect.flatMap(known.isAt(position), (isAt) =>
              isAt ? Effect.void : timedOut(model, position, duration)
            )
        })
      )
    }),
    pause: Effect.fn("Projections.pause")(function* (given, why) {
      const { name } = (yield* find(given)).table
      yield* changing(name, store.pause(name, yield* checkedWhy(name, why)))
    }),
    resume: Effect.fn("Projections.resume")(function* (given, why) {
      const { name } = (yield* find(given)).table
      yield* changing(name, store.resume(name, yield* checkedWhy(name, why)))
    }),
    acts: Effect.fn("Projections.acts")(function* (name) {
      return yield* store.acts((yield* find(name)).table.name)
    }),
    skip: Effect.fn("Projections.skip")(function* (given, position, reason, by) {
      const { name, version } = (yield* find(given)).table
      const checked = yield* Effect.mapError(
        Effect.fromResult(toSkipReason(reason)),
        ({ message }) =>
          // The message may quote the reason.
          new InvalidSkipReason({ name, position, issue: recordedText(message, MAX_ISSUE_LENGTH) })
      )
      const who = yield* checkedWhy(name, by)
      // The last event up to the position is the one at it, if there is one.
      const event = yield* events
        .readAll({ upTo: position, direction: "backward", limit: 1 })
        .pipe(Stream.runHead, Effect.catchTag("InvalidReadOption", Effect.die))
      if (Option.isNone(event) || event.value.position !== position) {
        return yield* new NoEventToSkip({ name, position })
      }
      const mark = EventMark.of(event.value)
      const serving = (yield* store.states(name)).find(({ role }) => role === "serving")
      const ofLostHistory =
        serving !== undefined && (yield* History.mismatch(events, serving)) !== undefined
      const skipped = { name, version, position, event: mark, reason: checked }
      yield* changing(name, store.skip(skipped, { ...who, ofLostHistory }))
    }),
    skipped: Effect.fn("Projections.skipped")(function* (name) {
      return yield* store.skipped((yield* find(name)).table.name)
    }),
    rebuild: yield* Rebuild.rebuild(runner, find),
    generations: Effect.fn("Projections.generations")(function* (name) {
      return yield* store.states((yield* find(name)).table.name)
    }),
    drop: Effect.fn("Projections.drop")(function* (given, generation, why) {
      const { name } = (yield* find(given)).table
      yield* changing(name, store.drop(name, generation, yield* checkedWhy(name, why)))
    })
  })
})

const toSkipReason = Schema.decodeUnknownResult(SkipReason)
