/**
 * The lines that the process of a side writes.
 */
import * as Schema from "effect/Schema"

export const Message = Schema.Union([
  /** The row is prepared, and turns may be taken. */
  Schema.TaggedStruct("Opened", {}),
  /** The packages of the side can't do the row. */
  Schema.TaggedStruct("NotOffered", { reason: Schema.String }),
  /** A turn has ended. */
  Schema.TaggedStruct("Took", { perSecond: Schema.Finite })
])

export type Message = typeof Message.Type

/** A message as a line of text. */
export const Line = Schema.fromJsonString(Message)
