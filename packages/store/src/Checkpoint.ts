/**
 * A place in the history of one log: how far a reader is, and of which log and which history that is true.
 *
 * A position alone says how far. Another log has an event at the same position, and so has the same log after
 * it was restored to an earlier time and appended to again. So a checkpoint also has the id of the log, and the
 * id of the last event at or below its position: both are compared when the checkpoint is used.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import { LogId } from "@daybook/kernel/LogId"
import { Position } from "@daybook/kernel/Position"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * A position with its origin.
 *
 * **Details**
 * `eventId`: of the last event of the whole log at or below `position`, whatever a reader's filter left out; null when
 * the log has none there. It survives JSON through `Schema.toCodecJson(Checkpoint)`.
 *
 * @category types
 * @since 0.1.0
 */
export const Checkpoint = Schema.Struct({
  log: LogId,
  position: Position,
  eventId: Schema.NullOr(EventId)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Checkpoint = typeof Checkpoint.Type

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
 * The reason for which a position or a checkpoint does not belong to the history of a log.
 *
 * **Details**
 * `OtherLog`: it was taken from another log. `PastHead`: the log has never drawn that position, so it was restored to an
 * earlier time, or the position is of another log. `OtherEvent`: the log has another last event at or below the position, so it
 * was restored to an earlier time and appended to again.
 *
 * @category errors
 * @since 0.1.0
 */
export const MismatchReason = Schema.TaggedUnion({
  OtherLog: { position: Position, given: LogId, log: LogId },
  PastHead: { position: Position, head: Position, log: LogId },
  OtherEvent: {
    position: Position,
    given: Schema.NullOr(EventId),
    recorded: Schema.NullOr(EventId),
    log: LogId
  }
})

/**
 * @category errors
 * @since 0.1.0
 */
export type MismatchReason = typeof MismatchReason.Type

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

const eventOf = (id: EventId | null): string => (id === null ? "no event" : `event ${id}`)

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
