/**
 * Generations of a read model: how far each is, who may write it, and what is written.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { recordedText } from "./internal/fold/recordedText.ts"
import { textIssue } from "./internal/fold/rowCodec.ts"
import type { StoredKey } from "./ReadModelTable.ts"
import type { StoredRow } from "./StoredRow.ts"

/**
 * A generation of a read model, counted from 1.
 *
 * @category types
 * @since 0.1.0
 */
export const Generation = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 999_999 }))

/**
 * The host that stopped a read model, and by which code.
 *
 * **Details**
 * `code`: a fingerprint of the projection, its codecs and its functions. `build`: of the host, if `RunnerSettings` name it.
 *
 * @category types
 * @since 0.1.0
 */
export const StoppedBy = Schema.Struct({
  owner: Schema.String,
  code: Schema.String,
  build: Schema.optionalKey(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type StoppedBy = typeof StoppedBy.Type

/**
 * The longest `issue` that is recorded, in UTF-16 code units: what is longer is cut, and its length follows.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ISSUE_LENGTH = 10_000

/**
 * What stopped a read model: an event that it can't fold.
 *
 * **Details**
 * `issue`: at most {@link MAX_ISSUE_LENGTH} of what was thrown or refused.
 * `Undecodable`: the codec refused what is stored. `Threw`: `keys` or `apply` did. `NoRow`: what `apply` or
 * `keys` gave is not of the schema, or not of the key. `stoppedBy`: the host that stopped there, recorded with the stop.
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
  issue: Schema.String,
  stoppedBy: Schema.optionalKey(StoppedBy)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Poison = typeof Poison.Type

/**
 * A position, and the last event of the whole log at or below it; null when there is none.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reached {
  readonly position: Position.Position
  readonly eventId: EventId | null
}

/**
 * The poison as every store records it, with its issue cut to {@link MAX_ISSUE_LENGTH}.
 *
 * @category destructors
 * @since 0.1.0
 */
export const recordedPoison = (poison: Poison): Poison => ({
  ...poison,
  issue: recordedText(poison.issue, MAX_ISSUE_LENGTH)
})

/**
 * How far a generation is, and who keeps it.
 *
 * **Details**
 * `log`: the log that its rows are folded from, if it is known. `checkpoints`: by partition, the position up to which its rows hold
 * every event; `anchors`: by partition, the last event of the log at or below it. One partition unless it is
 * a shadow that is built in several. `mode`: `inline` when appends keep it themselves; then its checkpoint says
 * how far that was looked at last. `paused`: by somebody's word, which holds for all generations of the read model. `poison`: what
 * stopped it. `owner`: who holds the claim, if its lease has not run out. `events`: how many events it has folded
 * since it was begun, without those that appends fold; `leftBehind`: what others had built on the table before it, and what stayed with that
 * when this one took its name; `eventsPerSecond`: of late, as its holder reported with a step; of partitions the highest.
 *
 * @category types
 * @since 0.1.0
 */
export interface GenerationState {
  readonly name: Projection.Name
  readonly generation: number
  readonly version: Projection.Version
  readonly log: Option.Option<LogId>
  readonly role: "serving" | "shadow" | "retired"
  readonly mode: "async" | "inline"
  readonly checkpoints: ReadonlyArray<Position.Position>
  readonly anchors: ReadonlyArray<EventId | null>
  readonly owner: Option.Option<string>
  readonly paused: boolean
  readonly poison: Option.Option<Poison>
  readonly leftBehind: ReadonlyArray<string>
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
 * `eventId`: of the last event of the log at or below `to`. `keys`: the rows it may touch, distinct. `fold`: given those that are there, by the text of their key, what
 * becomes of them; pure, since it may be called again when the step is repeated. `events`: how many it folds.
 *
 * @category types
 * @since 0.1.0
 */
export interface Step<E> {
  readonly partition: number
  readonly from: Position.Position
  readonly to: Position.Position
  readonly eventId: EventId | null
  readonly keys: ReadonlyArray<StoredKey>
  readonly fold: (rows: ReadonlyMap<string, StoredRow>) => Result.Result<Changes, E>
  readonly events: number
  readonly eventsPerSecond: number
}

/**
 * Why an event is left out: text that is not blank, of at most 1,000 UTF-16 code units, which every store holds, so without
 * U+0000 and lone surrogates.
 *
 * @category types
 * @since 0.1.0
 */
export const SkipReason = Schema.String.check(
  Schema.isPattern(/\S/, { expected: "text that is not blank" }),
  Schema.isMaxLength(1_000),
  Schema.makeFilter((text) => textIssue(text) ?? true)
).pipe(Schema.brand("SkipReason"))

/**
 * @category types
 * @since 0.1.0
 */
export type SkipReason = typeof SkipReason.Type

/**
 * An event that was left out by somebody's word. Another event at the same position, as in a log that was restored, is not.
 *
 * @category types
 * @since 0.1.0
 */
export const Skipped = Schema.Struct({
  name: Projection.Name,
  version: Projection.Version,
  position: Position.Position,
  eventId: EventId,
  reason: SkipReason,
  skippedAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type Skipped = typeof Skipped.Type

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
