/**
 * The circumstances of an event, recorded beside it: its actor, its cause and its trace.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CommandId } from "./CommandId.ts"
import type * as Named from "./Named.ts"

/**
 * The circumstances of an event; every field is optional.
 *
 * @category types
 * @since 0.1.0
 */
export const EventMetadata = Schema.Struct({
  /** The command that the event came from. */
  commandId: Schema.optionalKey(CommandId),
  /** Shared by everything that one request set in motion. */
  correlationId: Schema.optionalKey(Schema.String),
  /** The event or command that led to this one. */
  causationId: Schema.optionalKey(Schema.String),
  /** The person or program that asked for it. */
  actor: Schema.optionalKey(Schema.String),
  /** W3C Trace Context, https://www.w3.org/TR/trace-context/. */
  traceparent: Schema.optionalKey(Schema.String),
  /** W3C Trace Context, https://www.w3.org/TR/trace-context/. */
  tracestate: Schema.optionalKey(Schema.String),
  /** The user's own fields, any JSON. */
  custom: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
})

/**
 * @category types
 * @since 0.1.0
 */
export type EventMetadata = Named.Struct<typeof EventMetadata>
