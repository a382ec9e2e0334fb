/**
 * The error of a row in a log that no store would have appended.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A row can't be decoded as an event, so its reader stops there: the `cause` of an
 * `EventStoreError`.
 *
 * **Details**
 * A database that only Daybook's functions write to holds no such row. The address is as stored.
 * `PostgresPassOver` makes readers pass over the event.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableEvent extends Data.TaggedError("UnreadableEvent")<{
  readonly position: bigint
  readonly eventId: string
  readonly streamId: string
  readonly revision: number
  readonly issue: string
}> {
  override get message() {
    return (
      `Cannot read event ${this.eventId} at position ${this.position}, revision ${this.revision} ` +
      `of ${JSON.stringify(this.streamId.slice(0, 300))}: ${this.issue}`
    )
  }
}
