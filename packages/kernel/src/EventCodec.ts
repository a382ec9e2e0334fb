/**
 * The stored contract of a family of events: between the events of a domain and the JSON in a log.
 *
 * Laws, for every codec:
 *
 * 1. `decode(encode(event))` is `[event]`.
 * 2. Encoding is canonical: equal events give equal JSON.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { EventType, SchemaVersion } from "./NewEvent.ts"
import { Position } from "./Position.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import { Revision } from "./Revision.ts"
import { StreamId } from "./StreamId.ts"

/**
 * What is stored of an event besides its address and circumstances.
 *
 * @category types
 * @since 0.1.0
 */
export interface EncodedEvent {
  readonly type: string
  readonly schemaVersion: number
  readonly data: Schema.Json
}

/**
 * Encodes the events of a family, and decodes what is stored of them.
 *
 * **Details**
 * `decode` gives the events of today that a stored one stands for: zero, one or several, since an
 * older version may have been dropped or split.
 *
 * @category types
 * @since 0.1.0
 */
export interface EventCodec<in out Event> {
  readonly name: string
  /** The stored names that this codec knows. */
  readonly types: ReadonlyArray<string>
  readonly encode: (event: Event) => Result.Result<EncodedEvent, EventEncodeError>
  readonly decode: (stored: RecordedEvent) => Result.Result<ReadonlyArray<Event>, EventDecodeError>
}

/**
 * An event does not fit its own schema, so it is not stored: a decider or its caller built it wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventEncodeError extends Schema.TaggedError<EventEncodeError>()("EventEncodeError", {
  codec: Schema.String,
  type: Schema.String,
  issue: Schema.String
}) {
  override get message() {
    return `${this.codec} event ${this.type} does not fit its schema: ${this.issue}`
  }
}

/**
 * Why a stored event could not be decoded.
 *
 * @category errors
 * @since 0.1.0
 */
export const DecodeErrorReason = Schema.TaggedUnion({
  UnknownType: { known: Schema.Array(Schema.String) },
  /** Written by newer code than this. */
  UnknownSchemaVersion: { newest: SchemaVersion },
  InvalidData: { issue: Schema.String }
})

/**
 * A stored event that this codec cannot read; its reader stops there.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventDecodeError extends Schema.TaggedError<EventDecodeError>()("EventDecodeError", {
  codec: Schema.String,
  streamId: StreamId,
  revision: Revision,
  position: Position,
  type: EventType,
  schemaVersion: SchemaVersion,
  reason: DecodeErrorReason
}) {
  override get message() {
    const why = DecodeErrorReason.match(this.reason, {
      UnknownType: ({ known }) => `the type is not one of ${known.join(", ")}`,
      UnknownSchemaVersion: ({ newest }) => `the newest known schema version is ${newest}`,
      InvalidData: ({ issue }) => issue
    })
    return (
      `${this.codec} cannot read ${this.type} version ${this.schemaVersion} ` +
      `at revision ${this.revision} of ${this.streamId} (position ${this.position}): ${why}`
    )
  }
}

/** The schema of one event type: a tagged struct that needs no services. */
type EventCase = Schema.Codec<{ readonly _tag: string }, unknown>

/**
 * Builds the codec of a tagged union of events: the stored type is the tag, the data the rest.
 *
 * **Details**
 * Values that JSON does not have, such as bigint and dates, are stored in the canonical JSON form of
 * their schema. Fields that the schema does not name are ignored on reading.
 * Only the newest schema version, 1, exists so far.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Cases extends Record<string, EventCase>>(options: {
  readonly name: string
  readonly events: Schema.TaggedUnion<Cases>
}): EventCodec<Cases[keyof Cases]["Type"]> => {
  type Event = Cases[keyof Cases]["Type"]
  const { name } = options
  const types = Object.keys(options.events.cases)
  const codecs = new Map(
    types.map((type) => [type, compile(options.events.cases[type] as EventCase)])
  )
  const newest = 1
  return {
    name,
    types,
    encode: (event) => {
      const type = event._tag
      const codec = codecs.get(type)
      if (codec === undefined) {
        return Result.fail(
          new EventEncodeError({ codec: name, type, issue: `not one of ${types.join(", ")}` })
        )
      }
      const encoded = codec.encode(event)
      if (Result.isFailure(encoded)) {
        return Result.fail(
          new EventEncodeError({ codec: name, type, issue: encoded.failure.message })
        )
      }
      const { _tag: _, ...data } = encoded.success as Record<string, Schema.Json>
      return Result.succeed({ type, schemaVersion: newest, data })
    },
    decode: (stored) => {
      const codec = codecs.get(stored.type)
      if (codec === undefined) {
        return Result.fail(decodeError(name, stored, { _tag: "UnknownType", known: types }))
      }
      if (stored.schemaVersion !== newest) {
        return Result.fail(decodeError(name, stored, { _tag: "UnknownSchemaVersion", newest }))
      }
      const decoded = codec.decode(withTag(stored.data, stored.type))
      return Result.isFailure(decoded)
        ? Result.fail(
            decodeError(name, stored, { _tag: "InvalidData", issue: decoded.failure.message })
          )
        : // The case's schema decoded it, so it is one of the union's events.
          Result.succeed([decoded.success as Event])
    }
  }
}

/** A stored value that is no object is left for the schema to refuse, in its own words. */
const withTag = (data: unknown, tag: string): unknown =>
  Predicate.isObject(data) ? { ...data, _tag: tag } : data

const compile = (schema: EventCase) => {
  const json = Schema.toCodecJson(schema)
  return {
    encode: Schema.encodeUnknownResult(json),
    decode: Schema.decodeUnknownResult(json)
  }
}

const decodeError = (
  codec: string,
  stored: RecordedEvent,
  reason: typeof DecodeErrorReason.Type
): EventDecodeError =>
  new EventDecodeError({
    codec,
    streamId: stored.streamId,
    revision: stored.revision,
    position: stored.position,
    type: stored.type,
    schemaVersion: stored.schemaVersion,
    reason
  })
