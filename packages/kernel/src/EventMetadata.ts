/**
 * What is recorded beside an event: who, because of what, and in which trace.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CommandId } from "./CommandId.ts"

/**
 * The circumstances of an event, none of them required.
 *
 * **Details**
 * `commandId`: the command that the event came from.
 * `correlationId`: shared by everything that one request set in motion.
 * `causationId`: the event or command that led to this one.
 * `actor`: who asked for it.
 * `traceparent`, `tracestate`: W3C Trace Context, https://www.w3.org/TR/trace-context/.
 * `custom`: the user's own, any JSON.
 *
 * @category types
 * @since 0.1.0
 */
export const EventMetadata = Schema.Struct({
  commandId: Schema.optionalKey(CommandId),
  correlationId: Schema.optionalKey(Schema.String),
  causationId: Schema.optionalKey(Schema.String),
  actor: Schema.optionalKey(Schema.String),
  traceparent: Schema.optionalKey(Schema.String),
  tracestate: Schema.optionalKey(Schema.String),
  custom: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
})

/**
 * @category types
 * @since 0.1.0
 */
export type EventMetadata = typeof EventMetadata.Type
