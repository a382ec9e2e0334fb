/**
 * An event before the store has numbered it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { EventId } from "./EventId.ts"
import { EventMetadata } from "./EventMetadata.ts"

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
 * Shape: a letter, then letters, digits and `_ . : / -`, {@link MAX_TYPE_LENGTH} characters at most.
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
  // What a PostgreSQL smallint holds; no event type has lived through that many shapes.
  Schema.isBetween({ minimum: 1, maximum: 32_767 })
)

/**
 * What a caller hands to a store to append.
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
  /** When it happened, by the clock of the domain or of an importer; to the millisecond. */
  occurredAt: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type NewEvent = typeof NewEvent.Type
