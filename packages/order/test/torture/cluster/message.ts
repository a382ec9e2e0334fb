/**
 * The messages between the torture of a cluster and its hosts: a line of JSON each.
 */
import { EventId } from "@daybook/kernel/EventId"
import { Checkpoint, MismatchReason } from "@daybook/store/Checkpoint"
import * as Schema from "effect/Schema"

export const Order = Schema.TaggedUnion({
  /** Follows the log from a checkpoint, or from its beginning. */
  Follow: { after: Schema.NullOr(Checkpoint) },
  /** Ends the work of the writers, each after its command. */
  Rest: {}
})

export type Order = typeof Order.Type

export const Report = Schema.TaggedUnion({
  Ready: {},
  /** A writer is about to execute a command on an order for the first time. */
  Sent: { order: Schema.String },
  /** A command was answered: its event is at this revision and position. */
  Acknowledged: { order: Schema.String, revision: Schema.Int, position: Schema.BigInt },
  Resting: {},
  /** A subscriber was given a page. */
  Given: { events: Schema.Array(EventId), checkpoint: Checkpoint },
  /** The subscriber's checkpoint did not fit. */
  Mismatched: { reason: MismatchReason },
  /** A reactor has handled an event. */
  Reacted: { event: EventId },
  /** The broker has acknowledged a message of an event. */
  Published: { id: Schema.String },
  /** A line of the host's log about a history that no longer exists. */
  Told: { line: Schema.String },
  /** A command was rejected: an earlier one of its order is gone, though it was acknowledged. */
  Rejected: {},
  /** A command or the subscriber failed with an error that no failover explains. */
  Failed: { message: Schema.String }
})

export type Report = typeof Report.Type

export const writeOrder = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Order)))
export const readOrder = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Order)))
export const writeReport = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Report)))
export const readReport = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Report)))
