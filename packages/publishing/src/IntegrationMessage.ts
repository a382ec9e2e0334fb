/**
 * A message for other systems, in the shape of CloudEvents 1.0.
 *
 * Laws:
 *
 * 1. `decode(encode(message))` is the message.
 * 2. The id of a published message derives from its publisher, its event and its place among the
 *    messages of that event, so a message that is sent again has the same id.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 * @since 0.1.0
 */
import * as CompiledSchema from "@daybook/kernel/CompiledSchema"
import type * as Named from "@daybook/kernel/Named"
import { printableLine } from "@daybook/kernel/Printable"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const NonEmpty = Schema.NonEmptyString

/**
 * A text that an inbox records in the metadata of events. CloudEvents allows neither U+0000 nor
 * lone surrogates, and no store could return them unchanged.
 */
const Recordable = NonEmpty.check(
  Schema.makeFilter((text: string) => text.isWellFormed() && !text.includes("\u0000"), {
    expected: "a text without U+0000 and lone surrogates"
  })
)

/**
 * A message with the attributes of CloudEvents, by their names there.
 *
 * **Details**
 * Shape: the JSON format of CloudEvents (`application/cloudevents+json`), data included. Attributes
 * that are not listed here are dropped when a message is decoded.
 *
 * @category types
 * @since 0.1.0
 */
export const IntegrationMessage = Schema.Struct({
  specversion: Schema.Literal("1.0"),
  /** Unique within `source`. A consumer that has seen it may drop the message. */
  id: Recordable,
  /** The system that the message comes from, a URI reference such as `/shop/orders`. */
  source: Recordable,
  /** The name under which consumers know messages of this kind, such as `shop.order.placed`. */
  type: NonEmpty,
  /** The thing that the message is about; the stream unless the mapping sets it. */
  subject: Schema.optionalKey(NonEmpty),
  /** The time when it happened. */
  time: Schema.optionalKey(Schema.DateTimeUtcFromString),
  datacontenttype: Schema.optionalKey(Schema.String),
  /** The URI of the schema of `data`. */
  dataschema: Schema.optionalKey(NonEmpty),
  /** Messages with the same key are delivered in order. The extension "Partitioning". */
  partitionkey: Schema.optionalKey(NonEmpty),
  /** W3C Trace Context. The extension "Distributed Tracing". */
  traceparent: Schema.optionalKey(Schema.String),
  /** W3C Trace Context. The extension "Distributed Tracing". */
  tracestate: Schema.optionalKey(Schema.String),
  /** Shared by everything that one request set in motion. The extension "Correlation". */
  correlationid: Schema.optionalKey(Recordable),
  /** The event or message that led to this one. The extension "Correlation". */
  causationid: Schema.optionalKey(NonEmpty),
  data: Schema.optionalKey(Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type IntegrationMessage = Named.Struct<typeof IntegrationMessage>

/**
 * The media type of an encoded message.
 *
 * @category constants
 * @since 0.1.0
 */
export const CONTENT_TYPE = "application/cloudevents+json"

/**
 * A received text is not a message of CloudEvents 1.0.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageUnreadable extends Schema.TaggedError<MessageUnreadable>()(
  "MessageUnreadable",
  { issue: Schema.String }
) {
  override get message() {
    return printableLine(`Cannot read a message as CloudEvents 1.0: ${this.issue}`)
  }
}

// The text is made beside the schema: a schema of JSON text is interpreted, at twice the time.
const Compiled = CompiledSchema.make(IntegrationMessage)
const toJson = Schema.encodeSync(Compiled)
const fromJson = Schema.decodeUnknownResult(Compiled)

/**
 * Returns the message as JSON text. Throws for a message that does not fit its schema.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (message: IntegrationMessage): string => JSON.stringify(toJson(message))

/**
 * Reads a message from its JSON text.
 *
 * @category encoding
 * @since 0.1.0
 */
export const decode = (text: string): Result.Result<IntegrationMessage, MessageUnreadable> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: rootMessage }).pipe(
    Result.flatMap((json) => Result.mapError(fromJson(json), ({ message }) => message)),
    Result.mapError((issue) => new MessageUnreadable({ issue }))
  )
