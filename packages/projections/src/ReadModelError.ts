/**
 * The errors of opening, maintaining, rebuilding and appending to read models.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import { printableLine } from "@daybook/kernel/Printable"
import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { describe, MismatchReason } from "@daybook/store/Checkpoint"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import { recordedText } from "./internal/fold/recordedText.ts"
import { Generation, Poison } from "./driver/ReadModelGeneration.ts"

/**
 * A row in which a shadow differs from the serving generation; absent on the side that lacks it.
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
export type RowDifference = Named.Struct<typeof RowDifference>

/**
 * The maximum number of differing rows that a comparison reports.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_DIFFERENCES = 100

/**
 * The bytes of both rows after which a comparison reports no further difference, even below
 * {@link MAX_DIFFERENCES}.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_DIFFERENCES_BYTES = 8_000_000

/**
 * The definition of a read model changed without a new version: its table is left as it is.
 *
 * @category errors
 * @since 0.1.0
 */
export class DefinitionChanged extends Schema.TaggedError<DefinitionChanged>()(
  "DefinitionChanged",
  {
    name: Projection.Name,
    version: Projection.Version,
    /** The lines of the stored description that the defined one lacks. */
    stored: Schema.Array(Schema.String),
    /** The lines of the defined description that the stored one lacks. */
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
 * A newer version of the read model serves, so this host leaves it alone.
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
 * The read model is folded from another log: nothing was changed.
 *
 * **Details**
 * Two logs need a `ReadModelSchema` each. If the given log has replaced the log `kept` for good,
 * drop that schema and migrate it again.
 *
 * @category errors
 * @since 0.1.0
 */
export class OtherLog extends Schema.TaggedError<OtherLog>()("OtherLog", {
  name: Projection.Name,
  /** The log of the stored rows. */
  kept: LogId,
  /** The log that the read model was opened for. */
  given: LogId
}) {
  override get message() {
    return (
      `Cannot open ${this.name} for log ${this.given}: it is a read model of log ${this.kept}; ` +
      "give each log a ReadModelSchema of its own, or drop the schema if that log is gone"
    )
  }
}

/**
 * The log no longer has the history that the rows were folded from: it was restored to an earlier
 * time, or is another log. The read model is left as it is until it is rebuilt.
 *
 * @category errors
 * @since 0.1.0
 */
export class HistoryChanged extends Schema.TaggedError<HistoryChanged>()("HistoryChanged", {
  name: Projection.Name,
  reason: MismatchReason
}) {
  override get message() {
    return `${this.name} is of another history: ${describe(this.reason)}; rebuild it`
  }
}

/**
 * The log has no event at the position that was to be skipped; nothing was skipped.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoEventToSkip extends Schema.TaggedError<NoEventToSkip>()("NoEventToSkip", {
  name: Projection.Name,
  position: Position.Position
}) {
  override get message() {
    return `Cannot skip an event of ${this.name}: the log has none at position ${this.position}`
  }
}

/**
 * Another version of the read model serves, and its rows lack columns of this version: nothing was
 * read.
 *
 * @category errors
 * @since 0.1.0
 */
export class OtherVersionServes extends Schema.TaggedError<OtherVersionServes>()(
  "OtherVersionServes",
  { name: Projection.Name, version: Projection.Version, serving: Projection.Version }
) {
  override get message() {
    return `Cannot read ${this.name} version ${this.version}: version ${this.serving} serves`
  }
}

/**
 * The claim is not the newest, or its generation has another role or checkpoint by now: nothing was
 * written.
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
 * The rebuilt rows differ from the serving rows: nothing was switched.
 *
 * **Details**
 * The message names the fields that differ, and no values.
 *
 * @category errors
 * @since 0.1.0
 */
export class RowsDiffer extends Schema.TaggedError<RowsDiffer>()("RowsDiffer", {
  name: Projection.Name,
  position: Position.Position,
  /** The number of all rows that differ. */
  count: Schema.Int,
  /**
   * The differing rows by key, at most {@link MAX_DIFFERENCES}, and none after
   * {@link MAX_DIFFERENCES_BYTES}.
   */
  differences: Schema.Array(RowDifference)
}) {
  override get message() {
    // Rows may hold personal data, which must not get into logs; messages end up there.
    const fields = new Set(this.differences.flatMap(differingFields))
    const named = [...fields].join(", ")
    const where = named === "" ? "" : `, of those compared in ${recordedText(named, MAX_SHOWN)}`
    return (
      `${this.name} rebuilt up to position ${this.position} differs from what serves in ` +
      `${this.count} ${this.count === 1 ? "row" : "rows"}${where}`
    )
  }
}

/** The maximum length of the field names in a message, in UTF-16 code units. */
const MAX_SHOWN = 1_000

/** Returns the fields in which the two rows differ, or a text if one of the rows is absent. */
const differingFields = ({ rebuilt, serving }: RowDifference): ReadonlyArray<string> => {
  if (serving === undefined) return ["rows that do not serve"]
  if (rebuilt === undefined) return ["rows that were not rebuilt"]
  const fields = [...new Set([...Object.keys(serving), ...Object.keys(rebuilt)])]
  return fields.filter((field) => !Equal.equals(serving[field], rebuilt[field]))
}

/**
 * The event to skip is already folded into the serving rows: only a new version can leave it out.
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
      `Cannot skip the event at position ${this.position}: the rows of ${this.name} version ` +
      `${this.version} include all events up to position ${this.checkpoint}`
    )
  }
}

/**
 * The reason for skipping an event is not a `SkipReason`; nothing was skipped.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSkipReason extends Schema.TaggedError<InvalidSkipReason>()(
  "InvalidSkipReason",
  { name: Projection.Name, position: Position.Position, issue: Schema.String }
) {
  override get message() {
    return printableLine(
      `Cannot skip the event at position ${this.position} of ${this.name}: the reason is invalid: ${this.issue}`
    )
  }
}

/**
 * The actor or the reason of an act is not a text that the record of acts accepts; nothing was
 * done.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidWhy extends Schema.TaggedError<InvalidWhy>()("InvalidWhy", {
  name: Projection.Name,
  issue: Schema.String
}) {
  override get message() {
    return printableLine(
      `Cannot record an act on ${this.name}: its actor or reason is invalid: ${this.issue}`
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
    return `${this.operation} failed: ${rootMessage(this.cause)}`
  }
}

/**
 * An inline read model can't fold an event of an append inside a transaction of the caller: nothing
 * was written.
 *
 * **Details**
 * Outside a transaction, the event is appended without this read model, and the runner then stops
 * the read model at the event.
 *
 * @category errors
 * @since 0.1.0
 */
export class InlinePoison extends Schema.TaggedError<InlinePoison>()("InlinePoison", {
  name: Projection.Name,
  poison: Poison
}) {
  override get message() {
    return printableLine(
      `${this.name} cannot fold ${this.poison.type} of ${this.poison.streamId}: ${this.poison.issue}`
    )
  }
}

/**
 * Another version of the read model is inline than this host's, and its rows would lack this
 * append: nothing was appended.
 *
 * @category errors
 * @since 0.1.0
 */
export class InlineVersionMismatch extends Schema.TaggedError<InlineVersionMismatch>()(
  "InlineVersionMismatch",
  {
    name: Projection.Name,
    version: Projection.Version,
    kept: Projection.Version
  }
) {
  override get message() {
    return `Cannot maintain ${this.name} version ${this.version}: appends maintain version ${this.kept}`
  }
}
