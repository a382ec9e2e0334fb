/**
 * The error of an event that readers can't be made to pass over.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import { Position } from "@daybook/kernel/Position"
import * as Schema from "effect/Schema"

/**
 * Readers can't be made to pass over the event; nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PassOverRefused extends Schema.TaggedError<PassOverRefused>()("PassOverRefused", {
  position: Position,
  reason: Schema.TaggedUnion({
    /** The log has no event at the position. */
    NoEvent: {},
    /** The event at the position has another id. */
    OtherEvent: { given: EventId, found: EventId },
    /** The log passes over `limit` events already. */
    TooMany: { limit: Schema.Int },
    /** The actor or the reason is missing, too long, or text that a database can't store. */
    InvalidWhy: { field: Schema.Literals(["actor", "reason"]), issue: Schema.String }
  })
}) {
  override get message() {
    const at = `Cannot pass over the event at position ${this.position}`
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
