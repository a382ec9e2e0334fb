/**
 * The error of a log that can't be partitioned, or can't get further partitions.
 *
 * @since 0.1.0
 */
import * as Listed from "@daybook/kernel/Listed"
import { printableLine } from "@daybook/kernel/Printable"
import * as Schema from "effect/Schema"

/**
 * The log can't be partitioned, or can't get further partitions; nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PartitioningRefused extends Schema.TaggedError<PartitioningRefused>()(
  "PartitioningRefused",
  {
    reason: Schema.TaggedUnion({
      /**
       * Views or functions of the log's owner or of this login, or foreign keys, triggers, indexes,
       * policies or publications use the table of events. They would stay with its first partition,
       * and show or guard only that.
       */
      DependedOn: { dependents: Schema.NonEmptyArray(Schema.String) },
      /**
       * The partition after `after` and up to `upTo` was removed. Streams with events in it are no
       * longer whole.
       */
      PartitionMissing: { after: Schema.BigInt, upTo: Schema.BigInt }
    })
  }
) {
  override get message() {
    switch (this.reason._tag) {
      case "DependedOn":
        return printableLine(
          `Others depend on the table of events: ${Listed.text(Listed.make(this.reason.dependents))}`
        )
      case "PartitionMissing":
        return `No partition holds the positions after ${this.reason.after} and up to ${this.reason.upTo}`
    }
  }
}
