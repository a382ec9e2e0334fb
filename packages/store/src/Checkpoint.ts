/**
 * A place in one history of one log: the progress of a reader, and the log and history that it
 * belongs to.
 *
 * A position alone is ambiguous: another log may have an event at it, and so may the same log after
 * it was restored to an earlier time and appended to again. A checkpoint therefore also has the id
 * of the log and the mark of the last event at or below its position. Using a checkpoint compares
 * both.
 *
 * @since 0.1.0
 */
import * as EventMark from "@daybook/kernel/EventMark"
import { LogId } from "@daybook/kernel/LogId"
import type * as Named from "@daybook/kernel/Named"
import { Position } from "@daybook/kernel/Position"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * A position with its origin.
 *
 * **Details**
 * JSON form: `Schema.toCodecJson(Checkpoint)`.
 *
 * @category types
 * @since 0.1.0
 */
export const Checkpoint = Schema.Struct({
  log: LogId,
  position: Position,
  /**
   * The mark of the last event of the whole log at or below `position`, also when the reader's
   * filter leaves it out; null if the log has none there.
   */
  event: Schema.NullOr(EventMark.EventMark)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Checkpoint = Named.Struct<typeof Checkpoint>

/**
 * Returns true for a checkpoint, false for a bare position.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCheckpoint = (after: Position | Checkpoint): after is Checkpoint =>
  Predicate.isObject(after)

/**
 * Returns the position of a checkpoint, or the position itself.
 *
 * @category destructors
 * @since 0.1.0
 */
export const position = (after: Position | Checkpoint): Position =>
  isCheckpoint(after) ? after.position : after

/**
 * The reason why a position or a checkpoint does not belong to the history of a log.
 *
 * @category errors
 * @since 0.1.0
 */
export const MismatchReason = Schema.TaggedUnion({
  /** It was taken from another log. */
  OtherLog: { position: Position, given: LogId, log: LogId },
  /**
   * The log has never drawn that position: it was restored to an earlier time, or the position is
   * of another log.
   */
  PastHead: { position: Position, head: Position, log: LogId },
  /**
   * The log has another last event at or below the position: it was restored to an earlier time and
   * appended to again.
   */
  OtherEvent: {
    position: Position,
    given: Schema.NullOr(EventMark.EventMark),
    recorded: Schema.NullOr(EventMark.EventMark),
    log: LogId
  }
})

/**
 * @category errors
 * @since 0.1.0
 */
export type MismatchReason = Named.Union<typeof MismatchReason>

/**
 * Returns the reason as a clause with both sides in it.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = (reason: MismatchReason): string =>
  MismatchReason.match(reason, {
    OtherLog: ({ given, log, position }) =>
      `position ${position} is of log ${given}, and this is log ${log}`,
    PastHead: ({ head, log, position }) =>
      `position ${position} is past the head of log ${log}, which is ${head}`,
    OtherEvent: ({ given, log, position, recorded }) =>
      `up to position ${position} log ${log} ended with ${eventOf(given)}, and ends with ${eventOf(recorded)} now`
  })

const eventOf = (mark: EventMark.EventMark | null): string =>
  mark === null
    ? "no event"
    : `event ${EventMark.eventId(mark)}, recorded at ${new Date(EventMark.recordedAt(mark)).toISOString()}`

/**
 * A position or a checkpoint does not belong to the history of this log: nothing was read.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointMismatch extends Schema.TaggedError<CheckpointMismatch>()(
  "CheckpointMismatch",
  { reason: MismatchReason }
) {
  override get message() {
    return `The checkpoint does not fit: ${describe(this.reason)}`
  }
}
