/**
 * Generations of a read model: their progress, the claims on them, and the steps that write them.
 *
 * @since 0.1.0
 */
import type { Listed } from "@daybook/kernel/Listed"
import { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type * as Named from "@daybook/kernel/Named"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { recordedText } from "../internal/fold/recordedText.ts"
import { textIssue } from "../internal/fold/rowCodec.ts"
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
 * The host that stopped a read model, and its code.
 *
 * @category types
 * @since 0.1.0
 */
export const StoppedBy = Schema.Struct({
  owner: Schema.String,
  /** A fingerprint of the projection, its codecs and its functions. */
  code: Schema.String,
  /** The build of the host, if its `RunnerSettings` name one. */
  build: Schema.optionalKey(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type StoppedBy = Named.Struct<typeof StoppedBy>

/**
 * The longest `issue` that is recorded, in UTF-16 code units: a longer one is cut, and its length
 * appended.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ISSUE_LENGTH = 10_000

/**
 * An event that a read model can't fold, and that stopped it.
 *
 * @category types
 * @since 0.1.0
 */
export const Poison = Schema.Struct({
  position: Position.Position,
  streamId: Schema.String,
  revision: Schema.Int,
  type: Schema.String,
  /**
   * The kind of failure. `Undecodable`: the codec refused the stored event. `Threw`: `keys` or
   * `apply` threw. `NoRow`: the result of `apply` or `keys` is not of the schema, or not of the
   * key.
   */
  reason: Schema.Literals(["Undecodable", "Threw", "NoRow"]),
  /** The error thrown or the refusal, at most {@link MAX_ISSUE_LENGTH}. */
  issue: Schema.String,
  /** The host that stopped there, recorded with the stop. */
  stoppedBy: Schema.optionalKey(StoppedBy)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Poison = Named.Struct<typeof Poison>

/**
 * A position, and the last event of the whole log at or below it; null without such an event.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reached {
  readonly position: Position.Position
  readonly event: EventMark | null
}

/**
 * Returns the poison as every store records it, with its issue cut to {@link MAX_ISSUE_LENGTH}.
 *
 * @category destructors
 * @since 0.1.0
 */
export const recordedPoison = (poison: Poison): Poison => ({
  ...poison,
  issue: recordedText(poison.issue, MAX_ISSUE_LENGTH)
})

/**
 * The state of a generation: its progress and the host that maintains it.
 *
 * @category types
 * @since 0.1.0
 */
export interface GenerationState {
  readonly name: Projection.Name
  readonly generation: number
  readonly version: Projection.Version
  /** The log that its rows are folded from, if it is known. */
  readonly log: Option.Option<LogId>
  readonly role: "serving" | "shadow" | "retired"
  /** `inline` when appends maintain it; then its checkpoint is the position last marked. */
  readonly mode: "async" | "inline"
  /**
   * By partition, the position up to which its rows include every event. One partition unless it is
   * a shadow that is built in several.
   */
  readonly checkpoints: ReadonlyArray<Position.Position>
  /** By partition, the last event of the log at or below its checkpoint. */
  readonly anchors: ReadonlyArray<EventMark | null>
  /** The holder of the claim, if its lease has not run out. */
  readonly owner: Option.Option<string>
  /** True when an operator paused it; holds for all generations of the read model. */
  readonly paused: boolean
  /** The event that stopped it. */
  readonly poison: Option.Option<Poison>
  /** The dependents that stayed with the table before it when this one took its name. */
  readonly leftBehind: Listed
  /** The number of events folded since it was begun, without those that appends fold. */
  readonly events: number
  /** The recent rate, as its holder reported it with a step; the highest of the partitions. */
  readonly eventsPerSecond: number
}

/**
 * The right to write a generation, until another claim on it is made.
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
 * The extension of a claim by its lease, from now.
 *
 * @category types
 * @since 0.1.0
 */
export interface Renewal {
  readonly claim: Claim
  /**
   * Moves the checkpoint of a generation of one partition, if no event from `from` to `to` concerns
   * it; `to` is at or after `from`.
   */
  readonly checkpoint?: { readonly from: Position.Position; readonly to: Reached } | undefined
}

/**
 * The outcome of a {@link Renewal}.
 *
 * **Details**
 * `busy`: a step or a change of the read model holds the generation, so nothing was done. `lost`:
 * the claim is not the newest, or the checkpoint can't be moved, as with `ClaimLost`.
 *
 * @category types
 * @since 0.1.0
 */
export type Renewed = "renewed" | "busy" | "lost"

/**
 * The position up to which an inline generation holds every event.
 *
 * @category types
 * @since 0.1.0
 */
export interface Marking {
  readonly name: Projection.Name
  readonly generation: number
  /** The checkpoint that its caller found to fit the log. */
  readonly compared: Reached
  readonly reached: Reached
}

/**
 * The changes that a step makes to rows.
 *
 * @category types
 * @since 0.1.0
 */
export interface Changes {
  /** Rows to store, each whole. */
  readonly upserts: ReadonlyArray<StoredRow>
  /** Keys of rows to delete. */
  readonly deletions: ReadonlyArray<StoredKey>
}

/**
 * The rows that a step needs.
 *
 * @category types
 * @since 0.1.0
 */
export interface Load {
  readonly partition: number
  /** The checkpoint of the partition. */
  readonly from: Position.Position
  /** The distinct keys of the rows. */
  readonly keys: ReadonlyArray<StoredKey>
}

/**
 * A step of a checkpoint, with its changes to the rows.
 *
 * @category types
 * @since 0.1.0
 */
export interface Step {
  readonly partition: number
  readonly from: Position.Position
  /** The next checkpoint, at or after `from`; stores rely on it. */
  readonly to: Position.Position
  /** The last event of the log at or below `to`. */
  readonly event: EventMark | null
  readonly changes: Changes
  /** The number of events that the step folds. */
  readonly events: number
  readonly eventsPerSecond: number
}

/**
 * The reason for skipping an event: a text that is not blank, of at most 1,000 UTF-16 code units,
 * without U+0000 and lone surrogates, so that every store can hold it.
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
 * An event that an operator skipped. Another event at the same position, as in a restored log, is
 * not skipped.
 *
 * @category types
 * @since 0.1.0
 */
export const Skipped = Schema.Struct({
  name: Projection.Name,
  version: Projection.Version,
  position: Position.Position,
  event: EventMark,
  reason: SkipReason,
  skippedAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type Skipped = Named.Struct<typeof Skipped>

/**
 * The generations of a read model that concern the projection which opened it.
 *
 * @category types
 * @since 0.1.0
 */
export interface Opened {
  readonly serving: GenerationState
  /**
   * The shadow of the projection's version that is to replace `serving`, because the version is
   * newer, or because a rebuild was begun and not ended.
   */
  readonly shadow: Option.Option<GenerationState>
}
