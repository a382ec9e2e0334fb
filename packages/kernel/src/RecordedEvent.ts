/**
 * An event after the store has numbered it.
 *
 * @since 0.1.0
 */
import type * as Named from "./Named.ts"
import * as Schema from "effect/Schema"
import { NewEvent } from "./NewEvent.ts"
import { Position } from "./Position.ts"
import { Revision } from "./Revision.ts"
import { StreamId } from "./StreamId.ts"

/**
 * A stored event with its address.
 *
 * @category types
 * @since 0.1.0
 */
export const RecordedEvent = Schema.Struct({
  ...NewEvent.fields,
  streamId: StreamId,
  revision: Revision,
  position: Position,
  /** The time when the store recorded it, by the store's clock; to the millisecond. */
  recordedAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type RecordedEvent = Named.Struct<typeof RecordedEvent>
