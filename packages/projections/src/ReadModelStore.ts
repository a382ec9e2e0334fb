/**
 * The port that every store of read models implements, with its types and errors.
 *
 * A read model has generations, counted from 1: tables of its rows that were built one after the
 * other. The serving generation is the one that is read. A shadow may be built beside it and take
 * its place. Earlier serving generations are retired, and kept until they are dropped.
 *
 * Rules for every store, checked by `ReadModelStoreLaws` of `@daybook/testing`:
 *
 * 1. Rows and checkpoint move together, or neither: an event is never counted twice and never left
 *    out.
 * 2. A checkpoint moves only under the newest claim, and only from the position that the step
 *    expects: of two hosts that both believe they hold a generation, one writes.
 * 3. A claim that is not renewed can be taken over when its lease has run out, whatever happened to
 *    its holder.
 * 4. Readers see a switch whole: all rows of one generation, before and after it.
 * 5. Every store gives the same rows for the same calls.
 * 6. A read model is of one log, and a checkpoint of one history of that log.
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
  InlineVersionMismatch,
  OtherVersionServes,
  ReadModelStoreError,
  RowsDiffer,
  Superseded
} from "./ReadModelError.ts"
import type {
  Changes,
  Claim,
  GenerationState,
  Load,
  Marking,
  Opened,
  Poison,
  Reached,
  Renewal,
  Renewed,
  Skipped,
  Step
} from "./driver/ReadModelGeneration.ts"
import type { Act, Why } from "./ReadModelAct.ts"
import type { Any as AnyTable, StoredKey } from "./driver/ReadModelTable.ts"
import type { RowQuery } from "./driver/RowQuery.ts"
import type { StoredRow } from "./driver/StoredRow.ts"

/**
 * An append with the inline read models that it touches.
 *
 * @category types
 * @since 0.1.0
 */
export interface InlineAppend<A, E> {
  /** The log that is appended to; read models of other logs are left alone. */
  readonly log?: LogId | undefined
  /** The rows that the events to append touch, by read model. */
  readonly touches: ReadonlyArray<{
    readonly table: AnyTable
    readonly keys: ReadonlyArray<StoredKey>
  }>
  /** Appends to an event store on the same database, or in the same process. */
  readonly append: Effect.Effect<A, E>
  /** Reads the events that the append recorded; none when it was a repetition. */
  readonly recorded: (answer: A) => Effect.Effect<ReadonlyArray<RecordedEvent>, E>
  /**
   * The longest wait for each lock on a read model or a row: 10 seconds by default, which is also
   * the most. After a given wait, the error does not name the holders of the lock. A store in the
   * same process may ignore it.
   */
  readonly lockWait?: Duration.Duration | undefined
  /** Folds the recorded events into the rows of a read model. */
  readonly fold: (
    name: Projection.Name,
    recorded: ReadonlyArray<RecordedEvent>,
    rows: ReadonlyMap<string, StoredRow>
  ) => Result.Result<Changes, Poison>
}

/**
 * Stores the generations of read models: their rows, checkpoints and claims.
 *
 * @category services
 * @since 0.1.0
 */
export class ReadModelStore extends Context.Service<
  ReadModelStore,
  {
    /**
     * Finds the read model of a table, or creates it.
     *
     * **Details**
     * A new read model serves at once, from position 0. A newer version than the serving one gets a
     * shadow of `parallelism` partitions, unless it has a shadow.
     * Errors: `OtherLog`, `DefinitionChanged`, `Superseded`; nothing was made.
     */
    readonly open: (
      table: AnyTable,
      options?: {
        /** The number of partitions of a shadow, which are built at the same time. */
        readonly parallelism?: number
        /** The log to fold. A read model without a known log is bound to the first one given. */
        readonly log?: LogId | undefined
      }
    ) => Effect.Effect<Opened, OtherLog | DefinitionChanged | Superseded | ReadModelStoreError>

    /**
     * Begins a shadow of the serving version, or finds the one that was begun; and claims it for
     * `owner`, unless another owner holds it.
     */
    readonly beginShadow: (
      table: AnyTable,
      options: {
        /** The log to fold, which may be another one than before. */
        readonly log?: LogId | undefined
        /** The number of its partitions, which are built at the same time. */
        readonly parallelism: number
        readonly owner: string
        readonly lease: Duration.Duration
        /**
         * True lets its rows replace serving rows that differ, whichever host ends the rebuild. The
         * latest request for a shadow counts, so false takes back an earlier true.
         */
        readonly accept?: boolean | undefined
        readonly why?: Why | undefined
      }
    ) => Effect.Effect<
      { readonly shadow: GenerationState; readonly claim: Option.Option<Claim> },
      DefinitionChanged | Superseded | ReadModelStoreError
    >

    /**
     * Claims a generation for `owner`, unless another owner holds it.
     *
     * **Details**
     * The claim lasts until `lease` has passed without a step or a renewal, by the store's clock.
     * An owner that claims again gets a new claim at once, and its earlier claim is lost. A
     * generation that is retired, paused, stopped by poison, or inline can't be claimed.
     * `despite`: the poison that the caller wants to try again. If it still stops the generation,
     * at the same position and by the same code, the claim succeeds and ends the stop.
     */
    readonly claim: (
      of: { readonly name: Projection.Name; readonly generation: number },
      owner: string,
      lease: Duration.Duration,
      despite?: Poison
    ) => Effect.Effect<Option.Option<Claim>, ReadModelStoreError>

    /**
     * Extends claims by their leases, and moves checkpoints over events that do not concern them:
     * once for all claims of a host. Returns the outcome of each, in their order.
     *
     * **Details**
     * It waits for no step and no promotion. A holder at work needs no renewal, and the next
     * renewal finds a claim that ended meanwhile.
     */
    readonly renew: (
      renewals: ReadonlyArray<Renewal>
    ) => Effect.Effect<ReadonlyArray<Renewed>, ReadModelStoreError>

    /** Ends a claim, so that another host need not wait for its lease to run out. */
    readonly release: (claim: Claim) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Loads the rows of a step by the text of their key; a key without a row is absent.
     *
     * **Details**
     * Without keys it has no rows and never fails, so that it costs no round trip; `advance` checks
     * the claim.
     * Errors: `ClaimLost`, also when the checkpoint is not at `from`, or the read model is paused.
     */
    readonly load: (
      table: AnyTable,
      claim: Claim,
      step: Load
    ) => Effect.Effect<ReadonlyMap<string, StoredRow>, ClaimLost | ReadModelStoreError>

    /**
     * Takes a step: writes rows, and moves the checkpoint, all or none; and renews the claim.
     *
     * **Details**
     * It succeeds only if no row has changed since they were loaded from the same checkpoint under
     * the same claim.
     * Errors: `ClaimLost`, also when the checkpoint is not at `from`, or the read model is paused.
     */
    readonly advance: (
      table: AnyTable,
      claim: Claim,
      step: Step
    ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /** Empties a claimed shadow and begins it again from the start of `log`. */
    readonly restart: (
      claim: Claim,
      log: LogId
    ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /**
     * Records that inline read models hold every event up to a position, so that a restore of the
     * log to an earlier one is detected.
     *
     * **Details**
     * Moves only forward, and only for an inline generation whose checkpoint is still `compared`.
     * Otherwise a caller with an old state would replace the checkpoint that reveals a restore. A
     * generation that is being changed is left out.
     */
    readonly mark: (markings: ReadonlyArray<Marking>) => Effect.Effect<void, ReadModelStoreError>

    /** Stops a generation at the event that it can't fold, and ends the claim. */
    readonly stop: (
      claim: Claim,
      poison: Poison
    ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /** Pauses all generations of a read model: steps are refused until it is resumed. */
    readonly pause: (name: Projection.Name, why?: Why) => Effect.Effect<void, ReadModelStoreError>

    /** Ends a pause, and clears the poison of stopped generations: the event is tried again. */
    readonly resume: (name: Projection.Name, why?: Why) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Records that a version skips an event; a repetition is no error and changes nothing.
     *
     * **Details**
     * Generations that this event stopped are tried again. Claims of the version end, so that no
     * holder goes on without knowing of the skip; its shadows start over, since some of their
     * partitions may have folded the event.
     * Errors: `AlreadyFolded`, the serving rows hold the event.
     */
    readonly skip: (
      skipped: Omit<Skipped, "skippedAt">,
      options?: Pick<Why, "actor"> & {
        /**
         * The serving rows are of a lost history: they hold another event there, if any, and wait
         * to be rebuilt. Then `AlreadyFolded` does not apply.
         */
        readonly ofLostHistory?: boolean
      }
    ) => Effect.Effect<void, AlreadyFolded | ReadModelStoreError>

    /** Returns the skipped events of a read model, in position order. */
    readonly skipped: (
      name: Projection.Name
    ) => Effect.Effect<ReadonlyArray<Skipped>, ReadModelStoreError>

    /**
     * Returns the acts on a read model, in the order of time. `pause`, `resume`, `skip`,
     * `beginShadow`, `promote` and `drop` record themselves, each in one step with its effect.
     */
    readonly acts: (name: Projection.Name) => Effect.Effect<ReadonlyArray<Act>, ReadModelStoreError>

    /**
     * Returns all generations of the named read models, or of all without a name, by name and
     * generation.
     */
    readonly states: (
      ...names: ReadonlyArray<Projection.Name>
    ) => Effect.Effect<ReadonlyArray<GenerationState>, ReadModelStoreError>

    /**
     * Returns the serving row of a key.
     *
     * **Details**
     * Errors: `OtherVersionServes`, the serving version lacks columns of the table, or has others
     * of their names.
     */
    readonly get: (
      table: AnyTable,
      key: StoredKey
    ) => Effect.Effect<Option.Option<StoredRow>, OtherVersionServes | ReadModelStoreError>

    /**
     * Reads serving rows, or the rows of a generation, in bounded memory: pages are bounded by
     * bytes.
     *
     * **Details**
     * Errors: the same as `get`.
     */
    readonly query: (
      table: AnyTable,
      query: RowQuery,
      generation?: number
    ) => Stream.Stream<StoredRow, OtherVersionServes | ReadModelStoreError>

    /**
     * Puts a shadow in the place of the serving generation, in one step that readers see whole.
     *
     * **Details**
     * The serving generation is held still meanwhile, inline appends to it included. Afterwards the
     * shadow has one partition, and the mode of the generation that it replaced.
     * Errors: `RowsDiffer`, and the shadow is retired, for inspection; those of `catchUp`. Nothing
     * was switched.
     */
    readonly promote: <E>(
      table: AnyTable,
      shadow: Claim,
      options: {
        /**
         * Requires that both have the same rows, at the serving position. For a shadow whose rows
         * are accepted although they differ, the number of differing rows is recorded instead.
         */
        readonly compare: boolean
        /**
         * Brings the shadow up to the serving checkpoint while the serving generation is held
         * still, by steps under the shadow's claim.
         */
        readonly catchUp: (serving: GenerationState) => Effect.Effect<void, E>
      }
    ) => Effect.Effect<GenerationState, E | RowsDiffer | ClaimLost | ReadModelStoreError>

    /**
     * Drops a generation that does not serve, with its rows; does nothing if it does not exist.
     * Dies for the serving generation.
     */
    readonly drop: (
      name: Projection.Name,
      generation: number,
      why?: Why
    ) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Appends, and folds the recorded events into the touched read models that are inline, all or
     * none.
     *
     * **Details**
     * The keys are locked before the append, in one order, so that the events of a key are numbered
     * in the order in which they are folded, and no two callers deadlock.
     * Errors: `InlinePoison` and `InlineVersionMismatch`, nothing was appended; those of the
     * append.
     */
    readonly inline: <A, E>(
      append: InlineAppend<A, E>
    ) => Effect.Effect<A, E | InlinePoison | InlineVersionMismatch | ReadModelStoreError>

    /**
     * Makes a generation that is caught up inline: appends maintain its rows from then on. Ends the
     * claim.
     *
     * **Details**
     * Appends that touch it wait until `catchUp` has made the last steps, with no append in flight.
     */
    readonly makeInline: <E>(
      claim: Claim,
      catchUp: Effect.Effect<void, E>
    ) => Effect.Effect<void, E | ClaimLost | ReadModelStoreError>

    /**
     * Makes an inline read model async again, at the checkpoint that `settled` returns with no
     * append in flight.
     */
    readonly makeAsync: <E>(
      name: Projection.Name,
      settled: Effect.Effect<Reached, E>
    ) => Effect.Effect<void, E | ReadModelStoreError>
  }
>()("@daybook/projections/ReadModelStore") {}
