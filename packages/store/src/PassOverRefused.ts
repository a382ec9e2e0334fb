/**
 * Why readers do not pass over an event.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import { Position } from "@daybook/kernel/Position"
import * as Schema from "effect/Schema"

/**
 * The reason, in facts; nothing was changed.
 *
 * **Details**
 * `NoEvent`: the log has no event at the position. `OtherEvent`: the event there has another id. `TooMany`: the log passes over as many
 * as it can. `InvalidWhy`: the actor or the reason is missing, too long, or no text that a database holds.
 *
 * @category errors
 * @since 0.1.0
 */
export class PassOverRefused extends Schema.TaggedError<PassOverRefused>()("PassOverRefused", {
  position: Position,
  reason: Schema.TaggedUnion({
    NoEvent: {},
    OtherEvent: { given: EventId, found: EventId },
    TooMany: { limit: Schema.Int },
    InvalidWhy: { field: Schema.Literals(["actor", "reason"]), issue: Schema.String }
  })
}) {
  override get message() {
    const at = `The event at position ${this.position} is not passed over`
    const { reason } = this
    switch (reason._tag) {
      case "NoEvent":
        return `${at}: the log has none there`
      case "OtherEvent":
        return `${at}: its id is ${reason.found}, and not ${reason.given}`
      case "TooMany":
        return `${at}: the log passes over ${reason.limit} events already`
      case "InvalidWhy":
        return `${at}: ${reason.field}: ${reason.issue}`
    }
  }
}
