/**
 * The error of running processes that is no error of a step or of a store.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import { printableLine } from "@daybook/kernel/Printable"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"

/**
 * A command that a process has issued can't be sent: its target is gone, or reads it no longer.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProcessCommandUnreadable extends Schema.TaggedError<ProcessCommandUnreadable>()(
  "ProcessCommandUnreadable",
  {
    /** The name of the process manager. */
    process: Schema.String,
    /** The stream of the process. */
    streamId: StreamId,
    /** The event that issued the command. */
    eventId: EventId,
    /** The category of the target. */
    to: Schema.String,
    issue: Schema.String
  }
) {
  override get message() {
    return printableLine(
      `Cannot send the command to ${this.to} of ${this.streamId} (event ${this.eventId}): ${this.issue}`
    )
  }
}
