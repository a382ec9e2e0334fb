/**
 * Where read models are kept: the port that every store implements, its types and errors.
 *
 * A read model has generations, counted from 1: tables of its rows that were built one after the other.
 * One is serving, the one that is read; another, the shadow, may be built beside it and take its place;
 * those that served before are retired, and kept until somebody drops them.
 *
 * Rules that every store keeps, checked by `ReadModelStoreSuite` of `@daybook/testing`:
 *
 * 1. Rows and checkpoint move together, or neither: an event is never counted twice and never left out.
 * 2. A checkpoint moves only under the newest claim, from where it was: of two hosts that both believe they
 *    hold a generation, one writes.
 * 3. What nobody renews is claimed by another when its lease has run out, whatever became of its holder.
 * 4. A switch is seen whole: readers have all rows of one generation, before and after it.
 * 5. Every store gives the same rows for the same calls.
 * 6. A read model is of one log, and a checkpoint of one history of it.
 *
 * @since 0.1.0
 */
import type { LogId } from "@daybook/kernel/LogId"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type {
  AlreadyFolded,
  ClaimLost,
  DefinitionChanged,
  InlinePoison,
  OtherLog,
  OtherVersionKept,
  OtherVersionServes,
  ReadModelStoreError,
  RowsDiffer,
  Superseded
} from "./ReadModelError.ts"
import type {
  Changes,
  Claim,
  GenerationState,
  Opened,
  Poison,
  Reached,
  Skipped,
  Step
} from "./ReadModelGeneration.ts"
import type { Act, Why } from "./ReadModelAct.ts"
import type { Any as AnyTable, StoredKey } from "./ReadModelTable.ts"
import type { RowQuery } from "./RowQuery.ts"
import type { StoredRow } from "./StoredRow.ts"

/**
 * An append with the read models that it may keep.
 *
 * **Details**
 * `log`: the one that is appended to; read models of others are left alone. `touches`: by read model, the rows that the events to append touch. `append`: to an event store on the same
 * database, or in the same process. `recorded`: what the append recorded; nothing when it was a repeated one. `fold`: what
 * becomes of the rows of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export interface InlineAppend<A, E> {
  readonly log?: LogId | undefined
  readonly touches: ReadonlyArray<{
    readonly table: AnyTable
    readonly keys: ReadonlyArray<StoredKey>
  }>
  readonly append: Effect.Effect<A, E>
  readonly recorded: (answer: A) => Effect.Effect<ReadonlyArray<RecordedEvent>, E>
  readonly fold: (
    name: Projection.Name,
    recorded: ReadonlyArray<RecordedEvent>,
    rows: ReadonlyMap<string, StoredRow>
  ) => Result.Result<Changes, Poison>
}

/**
 * Tables of read models.
 *
 * @category services
 * @since 0.1.0
 */
export class ReadModelStore extends Context.Service<
  ReadModelStore,
  {
    /**
     * Finds the read model of a table, or makes it.
     *
     * **Details**
     * A new one serves at once, from position 0. A newer version than the serving one gets a shadow of
     * `partitions` partitions, unless it has one. `log`: what it is folded from; one whose log is not known yet becomes
     * that of the first that is given.
     * Errors: `OtherLog`, `DefinitionChanged`, `Superseded`; nothing was made.
     */
    readonly open: (
      table: AnyTable,
      options?: { readonly partitions?: number; readonly log?: LogId | undefined }
    ) => Effect.Effect<Opened, OtherLog | DefinitionChanged | Superseded | ReadModelStoreError>

    /**
     * Begins a shadow of the serving version in `partitions` partitions, or finds the one that was begun; and claims it
     * for `owner`, unless another holds it.
     *
     * **Details**
     * `log`: what it is folded from, be it another log than before. `accept`: its rows may take the place of rows that differ,
     * whoever ends it.
     */
    readonly beginShadow: (
      table: AnyTable,
      options: {
        readonly log?: LogId | undefined
        readonly partitions: number
        readonly owner: string
        readonly lease: Duration.Duration
        readonly accept?: boolean | undefined
        readonly why?: Why | undefined
      }
    ) => Effect.Effect<
      { readonly shadow: GenerationState; readonly claim: Option.Option<Claim> },
      OtherLog | DefinitionChanged | Superseded | ReadModelStoreError
    >

    /**
     * Claims a generation for `owner`, unless another holds it.
     *
     * **Details**
     * The claim lasts until `lease` has gone by without a step or a renewal, by the store's clock. An owner that claims
     * again gets a new claim at once, and the one it had is lost. None of one that is retired, paused, stopped by poison, or kept
     * by appends.
     * `despite`: the poison that the caller wants to try again. If the generation is still stopped by it, at the same position and
     * by the same code, it is claimed, and stopped no longer.
     */
    readonly claim: (
      of: { readonly name: Projection.Name; readonly generation: number },
      owner: string,
      lease: Duration.Duration,
      despite?: Poison
    ) => Effect.Effect<Option.Option<Claim>, ReadModelStoreError>

    readonly renew: (claim: Claim) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /** Ends a claim, so that another need not wait for its lease to run out. */
    readonly release: (claim: Claim) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Takes a step: loads the rows, folds, writes, and moves the checkpoint, all or none; and renews the claim.
     *
     * **Details**
     * A `fold` that fails with an `E` leaves all as it was.
     * Errors: `ClaimLost` also when the checkpoint is not at `from`, or when it is paused.
     */
    readonly step: <E>(
      table: AnyTable,
      claim: Claim,
      step: Step<E>
    ) => Effect.Effect<void, E | ClaimLost | ReadModelStoreError>

    /** Begins a claimed shadow again from nothing, whatever it held; of `log` from now on. */
    readonly restart: (
      claim: Claim,
      log: LogId
    ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /**
     * Notes that what appends keep holds every event up to there, so that a log that is restored to before that is noticed.
     *
     * **Details**
     * Only forward, and only of one that appends keep.
     */
    readonly mark: (
      of: { readonly name: Projection.Name; readonly generation: number },
      reached: Reached
    ) => Effect.Effect<void, ReadModelStoreError>

    /** Stops a generation for the event that it can't fold, and ends the claim. */
    readonly stop: (
      claim: Claim,
      poison: Poison
    ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /** Pauses all generations of a read model: steps are refused until it is resumed. */
    readonly pause: (name: Projection.Name, why?: Why) => Effect.Effect<void, ReadModelStoreError>

    /** Ends a pause, and takes what stopped a generation for mended: it is tried again. */
    readonly resume: (name: Projection.Name, why?: Why) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Records that an event is left out of a version; again is no error and changes nothing.
     *
     * **Details**
     * What this event stopped is tried again. Claims of the version end, so that nobody goes on without knowing; its
     * shadows start over, since some of their partitions may have folded the event.
     * Errors: `AlreadyFolded`, what serves holds the event; unless its rows are `ofLostHistory`, which hold another event there
     * if any, and wait to be rebuilt.
     */
    readonly skip: (
      skipped: Omit<Skipped, "skippedAt">,
      options?: Pick<Why, "actor"> & { readonly ofLostHistory?: boolean }
    ) => Effect.Effect<void, AlreadyFolded | ReadModelStoreError>

    /** What was skipped of a read model, in position order. */
    readonly skipped: (
      name: Projection.Name
    ) => Effect.Effect<ReadonlyArray<Skipped>, ReadModelStoreError>

    /**
     * What was done to a read model on purpose, in the order of time: `pause`, `resume`, `skip`, `beginShadow`, `switchOver` and `drop` record
     * themselves, with what they do or not at all.
     */
    readonly acts: (name: Projection.Name) => Effect.Effect<ReadonlyArray<Act>, ReadModelStoreError>

    /** All generations of a read model, or of all, by name and generation. */
    readonly states: (
      name?: Projection.Name
    ) => Effect.Effect<ReadonlyArray<GenerationState>, ReadModelStoreError>

    /**
     * The serving row of a key.
     *
     * **Details**
     * Errors: `OtherVersionServes`, a version without all columns of the table, or with others of their names.
     */
    readonly get: (
      table: AnyTable,
      key: StoredKey
    ) => Effect.Effect<Option.Option<StoredRow>, OtherVersionServes | ReadModelStoreError>

    /** Serving rows, or those of a generation, in bounded memory: pages are bounded by bytes. Errors: as those of `get`. */
    readonly query: (
      table: AnyTable,
      query: RowQuery,
      generation?: number
    ) => Stream.Stream<StoredRow, OtherVersionServes | ReadModelStoreError>

    /**
     * Puts a shadow in the place of what serves, in one step that readers see whole.
     *
     * **Details**
     * What serves is held still meanwhile, inline appends to it included. `catchUp` is run then, with the serving
     * checkpoint, to bring the shadow there if it is behind; it steps the shadow by the claim of it. With `compare` the two
     * must have the same rows, at that position, unless other rows are accepted of the shadow: then how many differ is recorded. The shadow has one partition and the serving one's mode afterwards.
     * Errors: `RowsDiffer`, and the shadow is retired, to be looked at; those of `catchUp`. Nothing was switched.
     */
    readonly switchOver: <E>(
      table: AnyTable,
      shadow: Claim,
      options: {
        readonly compare: boolean
        readonly catchUp: (serving: GenerationState) => Effect.Effect<void, E>
      }
    ) => Effect.Effect<GenerationState, E | RowsDiffer | ClaimLost | ReadModelStoreError>

    /** Drops a generation that does not serve, with its rows; none there is no error. Dies for the one that serves. */
    readonly drop: (
      name: Projection.Name,
      generation: number,
      why?: Why
    ) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Appends, and folds what was recorded into those of the touched read models that appends keep, all or none.
     *
     * **Details**
     * The keys are locked before the append, in one order, so that the events of a key are numbered in the order in which they are
     * folded, and no two callers wait for each other.
     * Errors: `InlinePoison` and `OtherVersionKept`, nothing was appended; those of the append.
     */
    readonly inline: <A, E>(
      append: InlineAppend<A, E>
    ) => Effect.Effect<A, E | InlinePoison | OtherVersionKept | ReadModelStoreError>

    /**
     * Hands a generation that was caught up to the appends, which keep its rows from then on; it ends the claim.
     *
     * **Details**
     * Appends that would keep it wait until `catchUp`, run with nobody appending, has made the last steps.
     */
    readonly promote: <E>(
      claim: Claim,
      catchUp: Effect.Effect<void, E>
    ) => Effect.Effect<void, E | ClaimLost | ReadModelStoreError>

    /** Takes a read model back from the appends, at a checkpoint that `settled` tells with nobody appending. */
    readonly demote: <E>(
      name: Projection.Name,
      settled: Effect.Effect<Reached, E>
    ) => Effect.Effect<void, E | ReadModelStoreError>
  }
>()("@daybook/projections/ReadModelStore") {}
