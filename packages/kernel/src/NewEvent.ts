/**
 * An event before the store has numbered it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { EventId } from "./EventId.ts"
import { EventMetadata } from "./EventMetadata.ts"
import type * as Named from "./Named.ts"

/**
 * The longest event type, in UTF-16 code units.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_TYPE_LENGTH = 200

/**
 * The name under which events of one kind are stored: a public format, never renamed in place.
 *
 * **Details**
 * Shape: a letter, then letters, digits and `_ . : / -`; at most {@link MAX_TYPE_LENGTH}
 * characters.
 *
 * @category types
 * @since 0.1.0
 */
export const EventType = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_.:/-]{0,199}$/, {
    expected: "an event type: a letter, then letters, digits or _.:/-, at most 200 characters"
  })
)

/**
 * The version of a stored event's shape, counted from 1.
 *
 * @category types
 * @since 0.1.0
 */
export const SchemaVersion = Schema.Int.check(
  // A PostgreSQL smallint holds this range; no event type has had that many shapes.
  Schema.isBetween({ minimum: 1, maximum: 32_767 })
)

/**
 * An event as a caller passes it to a store to append.
 *
 * @category types
 * @since 0.1.0
 */
export const NewEvent = Schema.Struct({
  id: EventId,
  type: EventType,
  schemaVersion: SchemaVersion,
  /** Any JSON value that survives a round trip; the store refuses the rest. */
  data: Schema.Json,
  metadata: EventMetadata,
  /** The time when it happened, by the domain's or an importer's clock; to the millisecond. */
  occurredAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type NewEvent = Named.Struct<typeof NewEvent>
