/**
 * Why a log is not put into partitions, or gets no further ones.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as Schema from "effect/Schema"

/**
 * The reason, in facts; nothing was changed.
 *
 * **Details**
 * `DependedOn`: views, foreign keys, triggers, indexes, policies or publications of others on the table of events. They would stay with its
 * first partition, and show or guard that alone.
 * `PartitionMissing`: somebody took out the partition behind `after` and up to `upTo`. Streams with events in it are no longer whole.
 *
 * @category errors
 * @since 0.1.0
 */
export class PartitioningRefused extends Schema.TaggedError<PartitioningRefused>()(
  "PartitioningRefused",
  {
    reason: Schema.TaggedUnion({
      DependedOn: { dependents: Schema.NonEmptyArray(Schema.String) },
      PartitionMissing: { after: Schema.BigInt, upTo: Schema.BigInt }
    })
  }
) {
  override get message() {
    switch (this.reason._tag) {
      case "DependedOn":
        return printableLine(
          `Others depend on the table of events: ${this.reason.dependents.join(", ")}`
        )
      case "PartitionMissing":
        return `No partition holds the positions behind ${this.reason.after} and up to ${this.reason.upTo}`
    }
  }
}
