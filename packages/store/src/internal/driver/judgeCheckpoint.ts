/**
 * Compares a checkpoint with the log that it is used on.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import { type Checkpoint, isCheckpoint, type MismatchReason } from "../../Checkpoint.ts"

/** The facts of a log that a position or checkpoint is compared with. */
export interface Found {
  readonly log: LogId
  /** The last position that an append drawn by now could have. */
  readonly newest: Position
  /** The last event at or below the position. */
  readonly event: EventMark | null
}

/**
 * Returns the reason why it does not fit. A bare position fits unless it is past the newest one:
 * between the settled and the newest position it may belong to an append that is not visible yet.
 */
export const judge = (
  given: Position | Checkpoint,
  { event, log, newest }: Found
): MismatchReason | undefined => {
  const position = isCheckpoint(given) ? given.position : given
  if (isCheckpoint(given) && given.log !== log) {
    return { _tag: "OtherLog", position, given: given.log, log }
  }
  if (position > newest) return { _tag: "PastHead", position, head: newest, log }
  return isCheckpoint(given) && given.event !== event
    ? { _tag: "OtherEvent", position, given: given.event, recorded: event, log }
    : undefined
}
