/**
 * The identity of an event, which makes an append safe to repeat.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CompiledSchema from "./CompiledSchema.ts"

/**
 * A UUID in lower case, unique in its log.
 *
 * @category types
 * @since 0.1.0
 */
export const EventId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
    expected: "a UUID in lower case"
  })
).pipe(Schema.brand("EventId"))

/**
 * @category types
 * @since 0.1.0
 */
export type EventId = typeof EventId.Type

/**
 * The event id of a UUID. Throws unless `uuid` is a lower-case UUID.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (uuid: string): EventId => (isEventId(uuid) ? uuid : EventId.make(uuid))

const isEventId = Schema.is(CompiledSchema.make(EventId))
