/**
 * A row of a log that no store would have appended.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A row that can't be given to a reader as an event, which stops there: the `cause` of an `EventStoreError`.
 *
 * **Details**
 * A database that only Daybook's functions write to holds no such row. Its address is as it is stored. `PostgresPassOver` makes
 * readers pass over it.
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
      `Event ${this.eventId} at position ${this.position}, revision ${this.revision} of ` +
      `${JSON.stringify(this.streamId.slice(0, 300))}, can't be read: ${this.issue}`
    )
  }
}
