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
 *
 * @since 0.1.0
 */
import * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Any as AnyTable, StoredKey } from "./ReadModelTable.ts"
import type { StoredRow } from "./StoredRow.ts"

/**
 * A generation of a read model, counted from 1.
 *
 * @category types
 * @since 0.1.0
 */
export const Generation = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 999_999 }))

/**
 * What stopped a read model: an event that it can't fold.
 *
 * **Details**
 * `Undecodable`: the codec refused what is stored. `Threw`: `keys` or `apply` did. `NoRow`: what `apply` or
 * `keys` gave is not of the schema, or not of the key.
 *
 * @category types
 * @since 0.1.0
 */
export const Poison = Schema.Struct({
  position: Position.Position,
  streamId: Schema.String,
  revision: Schema.Int,
  type: Schema.String,
  reason: Schema.Literals(["Undecodable", "Threw", "NoRow"]),
  issue: Schema.String
})

/**
 * @category types
 * @since 0.1.0
 */
export type Poison = typeof Poison.Type

/**
 * How far a generation is, and who keeps it.
 *
 * **Details**
 * `checkpoints`: by partition, the position up to which its rows hold every event. One partition unless it is
 * a shadow that is built in several. `mode`: `inline` when appends keep it themselves; then its checkpoint says only
 * where that began. `paused`: by somebody's word, which holds for all generations of the read model. `poison`: what
 * stopped it. `owner`: who holds the claim, if its lease has not run out. `events`: how many events it has folded
 * since it was begun; `eventsPerSecond`: of late, as its holder reported with a step; of partitions the highest.
 *
 * @category types
 * @since 0.1.0
 */
export interface GenerationState {
  readonly name: Projection.Name
  readonly generation: number
  readonly version: Projection.Version
  readonly role: "serving" | "shadow" | "retired"
  readonly mode: "async" | "inline"
  readonly checkpoints: ReadonlyArray<Position.Position>
  readonly owner: Option.Option<string>
  readonly paused: boolean
  readonly poison: Option.Option<Poison>
  readonly events: number
  readonly eventsPerSecond: number
}

/**
 * The right to write a generation, until another claim is made of it.
 *
 * @category types
 * @since 0.1.0
 */
export interface Claim {
  readonly name: Projection.Name
  readonly generation: number
  /** Grows with every claim of the generation: the fencing token. */
  readonly epoch: number
  readonly lease: Duration.Duration
}

/**
 * What becomes of rows: all of `upserts` are stored whole, `deletions` are there no more.
 *
 * @category types
 * @since 0.1.0
 */
export interface Changes {
  readonly upserts: ReadonlyArray<StoredRow>
  readonly deletions: ReadonlyArray<StoredKey>
}

/**
 * A step of a checkpoint with what it does to the rows.
 *
 * **Details**
 * `keys`: the rows it may touch, distinct. `fold`: given those that are there, by the text of their key, what
 * becomes of them; pure, since it may be called again when the step is repeated. `events`: how many it folds.
 *
 * @category types
 * @since 0.1.0
 */
export interface Step<E> {
  readonly partition: number
  readonly from: Position.Position
  readonly to: Position.Position
  readonly keys: ReadonlyArray<StoredKey>
  readonly fold: (rows: ReadonlyMap<string, StoredRow>) => Result.Result<Changes, E>
  readonly events: number
  readonly eventsPerSecond: number
}

/**
 * An event that was left out by somebody's word.
 *
 * @category types
 * @since 0.1.0
 */
export const Skipped = Schema.Struct({
  name: Projection.Name,
  version: Projection.Version,
  position: Position.Position,
  reason: Schema.String,
  skippedAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type Skipped = typeof Skipped.Type

/**
 * Which rows of a read model to read, and in which order: that of the primary key, unless said otherwise.
 *
 * **Details**
 * `where`: conditions that all hold. `orderBy`: fields that are never `null`, none of them JSON; the primary
 * key decides between equals. `after`: rows behind this one in that order. Text is compared by its bytes in UTF-8.
 *
 * @category types
 * @since 0.1.0
 */
export interface RowQuery {
  readonly where: ReadonlyArray<Condition>
  readonly orderBy: ReadonlyArray<{ readonly field: string; readonly direction: "asc" | "desc" }>
  readonly after: Option.Option<StoredRow>
  readonly limit: Option.Option<number>
}

/**
 * What must hold of a field; values are in their stored form. `null` is equal to `null` here, and neither
 * below nor above anything.
 *
 * @category types
 * @since 0.1.0
 */
export interface Condition {
  readonly field: string
  readonly is: "equal" | "notEqual" | "below" | "atMost" | "above" | "atLeast" | "oneOf"
  /** One value, and any number for `oneOf`. */
  readonly values: ReadonlyArray<Schema.Json>
}

/**
 * A row in which a shadow differs from what serves; absent on the side that lacks it.
 *
 * @category types
 * @since 0.1.0
 */
export const RowDifference = Schema.Struct({
  key: Schema.Record(Schema.String, Schema.Json),
  serving: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  rebuilt: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
})

/**
 * @category types
 * @since 0.1.0
 */
export type RowDifference = typeof RowDifference.Type

/**
 * How many different rows a comparison tells at most.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_DIFFERENCES = 100

/**
 * The definition of a read model changed without a new version: its table is left as it is.
 *
 * **Details**
 * `stored` and `defined`: the lines of the two descriptions that the other lacks.
 *
 * @category errors
 * @since 0.1.0
 */
export class DefinitionChanged extends Schema.TaggedError<DefinitionChanged>()(
  "DefinitionChanged",
  {
    name: Projection.Name,
    version: Projection.Version,
    stored: Schema.Array(Schema.String),
    defined: Schema.Array(Schema.String)
  }
) {
  override get message() {
    const lines = [
      ...this.stored.map((line) => `- ${line}`),
      ...this.defined.map((line) => `+ ${line}`)
    ]
    return `${this.name} is not what version ${this.version} was:\n${lines.join("\n")}`
  }
}

/**
 * A newer version of the read model serves, so this one has nothing to keep.
 *
 * @category errors
 * @since 0.1.0
 */
export class Superseded extends Schema.TaggedError<Superseded>()("Superseded", {
  name: Projection.Name,
  version: Projection.Version,
  serving: Projection.Version
}) {
  override get message() {
    return `${this.name} version ${this.version} is superseded: version ${this.serving} serves`
  }
}

/**
 * The claim is not the newest, or what it claims has another role or checkpoint by now: nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClaimLost extends Schema.TaggedError<ClaimLost>()("ClaimLost", {
  name: Projection.Name,
  generation: Generation,
  epoch: Schema.Int
}) {
  override get message() {
    return `Claim ${this.epoch} of ${this.name}, generation ${this.generation}, is lost`
  }
}

/**
 * The rebuilt rows are not the ones that serve: nothing was switched.
 *
 * **Details**
 * `count`: of all rows that differ; `differences`: at most {@link MAX_DIFFERENCES} of them, by key.
 *
 * @category errors
 * @since 0.1.0
 */
export class RowsDiffer extends Schema.TaggedError<RowsDiffer>()("RowsDiffer", {
  name: Projection.Name,
  position: Position.Position,
  count: Schema.Int,
  differences: Schema.Array(RowDifference)
}) {
  override get message() {
    const some = this.differences.slice(0, 3).map((difference) => JSON.stringify(difference))
    return (
      `${this.name} rebuilt up to position ${this.position} differs from what serves in ` +
      `${this.count} ${this.count === 1 ? "row" : "rows"}: ${some.join(", ")}`
    )
  }
}

/**
 * The event to skip is folded into what serves already: only a new version can leave it out.
 *
 * @category errors
 * @since 0.1.0
 */
export class AlreadyFolded extends Schema.TaggedError<AlreadyFolded>()("AlreadyFolded", {
  name: Projection.Name,
  version: Projection.Version,
  position: Position.Position,
  checkpoint: Position.Position
}) {
  override get message() {
    return (
      `${this.name} version ${this.version} holds the events up to position ${this.checkpoint}: ` +
      `that at ${this.position} can't be skipped any more`
    )
  }
}

/**
 * The store itself failed, for example its connection.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadModelStoreError extends Data.TaggedError("ReadModelStoreError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  override get message() {
    const { cause } = this
    return `${this.operation} failed: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

/**
 * What a projection finds of its read model.
 *
 * **Details**
 * `shadow`: one of this version that is to take the place of `serving`: because the version is newer, or
 * because a rebuild was begun and not ended.
 *
 * @category types
 * @since 0.1.0
 */
export interface Opened {
  readonly serving: GenerationState
  readonly shadow: Option.Option<GenerationState>
}

/**
 * An append with the read models that it may keep.
 *
 * **Details**
 * `touches`: by read model, the rows that the events to append touch. `append`: to an event store on the same
 * database, or in the same process. `recorded`: what the append recorded; nothing when it was a repeated one. `fold`: what
 * becomes of the rows of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export interface InlineAppend<A, E> {
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
 * A read model that appends keep can't fold what was to be appended: nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class InlinePoison extends Schema.TaggedError<InlinePoison>()("InlinePoison", {
  name: Projection.Name,
  poison: Poison
}) {
  override get message() {
    return `${this.name} can't fold ${this.poison.type} of ${this.poison.streamId}: ${this.poison.issue}`
  }
}

/**
 * Appends keep another version of the read model than the one that was to be kept, where this append would be
 * missing: nothing was appended.
 *
 * @category errors
 * @since 0.1.0
 */
export class OtherVersionKept extends Schema.TaggedError<OtherVersionKept>()("OtherVersionKept", {
  name: Projection.Name,
  version: Projection.Version,
  kept: Projection.Version
}) {
  override get message() {
    return `Appends keep version ${this.kept} of ${this.name}, and not version ${this.version}`
  }
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
     * `partitions` partitions, unless it has one.
     * Errors: `DefinitionChanged`, `Superseded`; nothing was made.
     */
    readonly open: (
      table: AnyTable,
      options?: { readonly partitions?: number }
    ) => Effect.Effect<Opened, DefinitionChanged | Superseded | ReadModelStoreError>

    /**
     * Begins a shadow of the serving version in `partitions` partitions, or finds the one that was begun; and claims it
     * for `owner`, unless another holds it.
     */
    readonly beginShadow: (
      table: AnyTable,
      options: {
        readonly partitions: number
        readonly owner: string
        readonly lease: Duration.Duration
      }
    ) => Effect.Effect<
      { readonly shadow: GenerationState; readonly claim: Option.Option<Claim> },
      DefinitionChanged | Superseded | ReadModelStoreError
    >

    /**
     * Claims a generation for `owner`, unless another holds it.
     *
     * **Details**
     * The claim lasts until `lease` has gone by without a step or a renewal, by the store's clock. An owner that claims
     * again gets a new claim at once, and the one it had is lost. None of one that is retired, paused, stopped by poison, or kept
     * by appends.
     */
    readonly claim: (
      of: { readonly name: Projection.Name; readonly generation: number },
      owner: string,
      lease: Duration.Duration
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

    /** Stops a generation for the event that it can't fold, and ends the claim. */
    readonly stop: (
      claim: Claim,
      poison: Poison
    ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>

    /** Pauses all generations of a read model: steps are refused until it is resumed. */
    readonly pause: (name: Projection.Name) => Effect.Effect<void, ReadModelStoreError>

    /** Ends a pause, and takes what stopped a generation for mended: it is tried again. */
    readonly resume: (name: Projection.Name) => Effect.Effect<void, ReadModelStoreError>

    /**
     * Records that the event at a position is left out of a version; again is no error and changes nothing.
     *
     * **Details**
     * What this event stopped is tried again. Claims of the version end, so that nobody goes on without knowing; its
     * shadows start over, since some of their partitions may have folded the event.
     * Errors: `AlreadyFolded`, what serves holds the event.
     */
    readonly skip: (
      skipped: Omit<Skipped, "skippedAt">
    ) => Effect.Effect<void, AlreadyFolded | ReadModelStoreError>

    /** What was skipped of a read model, in position order. */
    readonly skipped: (
      name: Projection.Name
    ) => Effect.Effect<ReadonlyArray<Skipped>, ReadModelStoreError>

    /** All generations of a read model, or of all, by name and generation. */
    readonly states: (
      name?: Projection.Name
    ) => Effect.Effect<ReadonlyArray<GenerationState>, ReadModelStoreError>

    /** The serving row of a key. */
    readonly get: (
      table: AnyTable,
      key: StoredKey
    ) => Effect.Effect<Option.Option<StoredRow>, ReadModelStoreError>

    /** Serving rows, or those of a generation, in bounded memory. */
    readonly query: (
      table: AnyTable,
      query: RowQuery,
      generation?: number
    ) => Stream.Stream<StoredRow, ReadModelStoreError>

    /**
     * Puts a shadow in the place of what serves, in one step that readers see whole.
     *
     * **Details**
     * What serves is held still meanwhile, inline appends to it included. `catchUp` is run then, with the serving
     * checkpoint, to bring the shadow there if it is behind; it steps the shadow by the claim of it. With `compare` the two
     * must have the same rows, at that position. The shadow has one partition and the serving one's mode afterwards.
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
      generation: number
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
      settled: Effect.Effect<Position.Position, E>
    ) => Effect.Effect<void, E | ReadModelStoreError>
  }
>()("@daybook/projections/ReadModelStore") {}
