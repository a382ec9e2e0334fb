/**
 * The stored contract of a family of events: converts between a domain's events and JSON in a log.
 *
 * Laws, for every codec:
 *
 * 1. `decode(encode(event))` is `[event]`.
 * 2. Encoding is canonical: equal events give equal JSON.
 * 3. Every version ever stored decodes; folding upcast events equals folding today's events.
 *
 * @since 0.1.0
 */
import type * as Named from "./Named.ts"
import { printableLine, textOf } from "./Printable.ts"
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as CompiledSchema from "./CompiledSchema.ts"
import { SchemaVersion } from "./NewEvent.ts"
import * as PassedOver from "./PassedOver.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import type { Upcaster } from "./Upcaster.ts"

/**
 * The stored part of an event that its codec writes: all but its address and circumstances.
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
 * A shape in which events of one type were ever stored.
 *
 * @category types
 * @since 0.1.0
 */
export interface StoredVersion {
  /** The type's name of today first, then its former names. */
  readonly names: Arr.NonEmptyReadonlyArray<string>
  readonly schemaVersion: number
  /** The schema of the stored data. */
  readonly schema: Schema.Codec<unknown, unknown>
  /**
   * Derives the data of the next version; of the last old version, the events of today. Absent in
   * the newest version of a type of today.
   */
  readonly step?: (data: unknown) => unknown
}

/**
 * Encodes the events of a family, and decodes their stored forms.
 *
 * @category types
 * @since 0.1.0
 */
export interface EventCodec<in out Event> {
  readonly name: string
  /** The schema of today's events. */
  readonly events: Schema.Codec<Event, unknown>
  /** The stored names that this codec knows, former and retired names included. */
  readonly types: ReadonlyArray<string>
  /** Every shape ever stored, as a lock file records them. */
  readonly versions: ReadonlyArray<StoredVersion>
  /** Writes the newest schema version. */
  readonly encode: (event: Event) => Result.Result<EncodedEvent, EventEncodeError>
  /**
   * Returns the events of today that a stored event stands for: zero, one or several, since an
   * older version may have been dropped or split. An event that is passed over stands for none.
   *
   * @see {@link decodeRecorded}
   */
  readonly decode: (stored: EncodedEvent) => Result.Result<ReadonlyArray<Event>, DecodeErrorReason>
}

/**
 * An event does not fit its own schema, so it is not stored: its decider or caller built it wrong.
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
    return printableLine(`${this.codec} event ${this.type} does not fit its schema: ${this.issue}`)
  }
}

/**
 * The reason why a stored event could not be decoded.
 *
 * @category errors
 * @since 0.1.0
 */
export const DecodeErrorReason = Schema.TaggedUnion({
  UnknownType: { known: Schema.Array(Schema.String) },
  /** Newer code wrote the event. */
  UnknownSchemaVersion: { newest: SchemaVersion },
  InvalidData: { issue: Schema.String },
  /** An upcaster threw, or returned something other than events of today. */
  UpcastFailed: { issue: Schema.String }
})

/**
 * @category errors
 * @since 0.1.0
 */
export type DecodeErrorReason = Named.Union<typeof DecodeErrorReason>

/**
 * Returns the reason in words.
 *
 * @category errors
 * @since 0.1.0
 */
export const problemOf = (reason: DecodeErrorReason): string =>
  DecodeErrorReason.match(reason, {
    UnknownType: ({ known }) => `the type is not one of ${known.join(", ")}`,
    UnknownSchemaVersion: ({ newest }) => `the newest known schema version is ${newest}`,
    InvalidData: ({ issue }) => issue,
    UpcastFailed: ({ issue }) => `upcasting failed: ${issue}`
  })

/**
 * This codec cannot read a stored event; the reader stops there.
 *
 * **Details**
 * Its address and type are the stored ones, which a store may never have appended: the error can be
 * built for every event that it is about.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventDecodeError extends Schema.TaggedError<EventDecodeError>()("EventDecodeError", {
  codec: Schema.String,
  streamId: Schema.String,
  revision: Schema.Number,
  position: Schema.BigInt,
  eventId: Schema.String,
  type: Schema.String,
  schemaVersion: Schema.Number,
  reason: DecodeErrorReason
}) {
  /** Adds the address of the event to the reason why the codec of that name cannot read it. */
  static at(
    codec: string,
    event: Omit<RecordedEvent, "data" | "metadata" | "occurredAt" | "recordedAt">,
    reason: DecodeErrorReason
  ): EventDecodeError {
    const { id: eventId, position, revision, schemaVersion, streamId, type } = event
    return new EventDecodeError({
      codec,
      streamId,
      revision,
      position,
      eventId,
      type,
      schemaVersion,
      reason
    })
  }

  /** The reason in words, without the address of the event. */
  get problem(): string {
    return problemOf(this.reason)
  }

  override get message() {
    return printableLine(
      `${this.codec} cannot read ${this.type} version ${this.schemaVersion} ` +
        `at revision ${this.revision} of ${this.streamId} (position ${this.position}): ${this.problem}`
    )
  }
}

/** The schema of one event type: a tagged struct that needs no services. */
type EventCase = Schema.Codec<{ readonly _tag: string }, unknown>

/**
 * Builds the codec of a tagged union of events: the stored type is the tag, the data the rest.
 *
 * **Details**
 * Values that JSON does not have, such as bigint and dates, are stored in the canonical JSON form
 * of their schema.
 * Throws when a name is used twice, or is the name of events that are passed over.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Cases extends Record<string, EventCase>>(options: {
  readonly name: string
  readonly events: Schema.TaggedUnion<Cases>
  /**
   * By stored type, its versions 1 to n; a type of today is then written in version n + 1. A type
   * that is no longer among `events` is retired: only its past is read.
   */
  readonly past?: { readonly [type: string]: Upcaster<Cases[keyof Cases]["Type"]> }
  /** By type of today, the other names under which its versions are stored. */
  readonly formerNames?: { readonly [Type in keyof Cases]?: ReadonlyArray<string> }
  /**
   * Fields of the data that the newest schema does not name: decoding drops them (the default), or
   * retains them outside of the types, and encoding writes them again. Fields of nested objects are
   * dropped in both cases.
   */
  readonly unknownFields?: "drop" | "keep"
}): EventCodec<Cases[keyof Cases]["Type"]> => {
  type Event = Cases[keyof Cases]["Type"]
  const { name, past = {} } = options
  const formerNames: { readonly [type: string]: ReadonlyArray<string> | undefined } =
    options.formerNames ?? {}
  // The union needs no services: its cases are `EventCase`s, which need none.
  const events = options.events as Schema.Top as Schema.Codec<Event, unknown>
  const today = compileToday(events)
  const readers = new Map<string, Reader<Event>>()
  const writers = new Map<string, Writer>()
  const versions: Array<StoredVersion> = []
  const known = new Set([...Object.keys(options.events.cases), ...Object.keys(past)])
  for (const type of known) {
    const names = [type, ...(formerNames[type] ?? [])] as const
    const old = past[type]?.versions ?? []
    const steps = old.map(({ step }) => step)
    const decoders: Array<Decoder<Event>> = old.map(({ schema }, index) =>
      upcasting(
        decoding(CompiledSchema.make(Schema.toCodecJson(schema))),
        steps.slice(index),
        today
      )
    )
    old.forEach(({ schema, step }, index) =>
      versions.push({ names, schemaVersion: index + 1, schema, step })
    )
    const newest: EventCase | undefined = options.events.cases[type]
    if (newest !== undefined) {
      const { decode, encode } = compile(newest, type, options.unknownFields ?? "drop")
      // The case's schema decoded it, so it is one of the union's events.
      decoders.push((data) => {
        const decoded = decode(data)
        return Result.isFailure(decoded)
          ? Result.fail({ _tag: "InvalidData", issue: decoded.failure })
          : Result.succeed([decoded.success as Event])
      })
      versions.push({ names, schemaVersion: decoders.length, schema: newest })
      writers.set(type, { schemaVersion: decoders.length, encode })
    }
    for (const stored of names) {
      if (stored === PassedOver.TYPE) throw new Error(`${name} has the reserved type ${stored}`)
      if (readers.has(stored)) throw new Error(`${name} has two event types stored as ${stored}`)
      readers.set(stored, decoders)
    }
  }
  const types = Array.from(readers.keys())
  return {
    name,
    events,
    types,
    versions,
    encode: (event) => {
      // Callers without types find out here.
      const type: unknown = Predicate.hasProperty(event, "_tag") ? event._tag : undefined
      const writer = typeof type === "string" ? writers.get(type) : undefined
      if (typeof type !== "string" || writer === undefined) {
        const issue = `not one of ${Array.from(writers.keys()).join(", ")}`
        return Result.fail(new EventEncodeError({ codec: name, type: textOf(type), issue }))
      }
      const encoded = writer.encode(event)
      if (Result.isFailure(encoded)) {
        return Result.fail(new EventEncodeError({ codec: name, type, issue: encoded.failure }))
      }
      return Result.succeed({ type, schemaVersion: writer.schemaVersion, data: encoded.success })
    },
    decode: (stored) => {
      const reader = readers.get(stored.type)
      if (reader === undefined) {
        if (PassedOver.isPassedOver(stored)) return Result.succeed([])
        return Result.fail({ _tag: "UnknownType", known: types })
      }
      const decoder = reader[stored.schemaVersion - 1]
      if (decoder === undefined) {
        return Result.fail({ _tag: "UnknownSchemaVersion", newest: reader.length })
      }
      return decoder(stored.data)
    }
  }
}

/**
 * Decodes a recorded event. An event that the codec cannot read fails with its address in the log.
 *
 * @category operations
 * @since 0.1.0
 */
export const decodeRecorded = <Event>(
  codec: Pick<EventCodec<Event>, "name" | "decode">,
  recorded: RecordedEvent
): Result.Result<ReadonlyArray<Event>, EventDecodeError> => {
  // Every event that is read passes here, so no function is made for the mapping.
  const decoded = codec.decode(recorded)
  return Result.isSuccess(decoded)
    ? Result.succeed(decoded.success)
    : Result.fail(EventDecodeError.at(codec.name, recorded, decoded.failure))
}

/**
 * A stored event in one of the versions that it passes through while it is upcast.
 *
 * @category types
 * @since 0.1.0
 */
export interface UpcastForm {
  readonly schemaVersion: number
  /** The data as the schema of that version encodes it. */
  readonly data: Schema.Json
}

/**
 * Returns the stored form of an event, then the form after each step of its upcaster but the last,
 * which returns events of today.
 *
 * **Details**
 * For people who look at an event; readers use `decode`. It ends before a step that fails.
 *
 * @category operations
 * @since 0.1.0
 */
export const upcastForms = <Event>(
  { versions }: Pick<EventCodec<Event>, "versions">,
  { data, schemaVersion, type }: EncodedEvent
): ReadonlyArray<UpcastForm> => {
  const ofType = versions.filter(({ names }) => names.includes(type))
  const versionAt = (number: number) => ofType.find((one) => one.schemaVersion === number)
  const forms: Array<UpcastForm> = [{ schemaVersion, data }]
  let from = versionAt(schemaVersion)
  let value = from === undefined ? undefined : decoding(Schema.toCodecJson(from.schema))(data)
  while (from?.step !== undefined && value !== undefined && Result.isSuccess(value)) {
    const next = versionAt(from.schemaVersion + 1)
    // The last step leads to events of today.
    if (next?.step === undefined) break
    const { step } = from
    const before = value.success
    const stepped = Result.try({ try: () => step(before), catch: textOf })
    const encoded = Result.flatMap(stepped, encoding(Schema.toCodecJson(next.schema)))
    if (Result.isFailure(encoded)) break
    forms.push({ schemaVersion: next.schemaVersion, data: encoded.success })
    value = stepped
    from = next
  }
  return forms
}

/**
 * Returns a codec that replaces an undecodable event instead of failing: with events of the user's
 * own choice, which may hold the stored type, version and data.
 *
 * **Details**
 * `raw` returns the events that take the place of the undecodable event; an empty list skips it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orElse = <const Event>(
  codec: EventCodec<Event>,
  raw: (stored: EncodedEvent, reason: DecodeErrorReason) => ReadonlyArray<NoInfer<Event>>
): EventCodec<Event> => ({
  ...codec,
  decode: (stored) =>
    Result.orElse(codec.decode(stored), (reason) => Result.succeed(raw(stored, reason)))
})

/** Decodes the data of one schema version. */
type Decoder<Event> = (data: unknown) => Result.Result<ReadonlyArray<Event>, DecodeErrorReason>

/** The decoders of one stored type, version 1 first. */
type Reader<Event> = ReadonlyArray<Decoder<Event>>

interface Writer {
  readonly schemaVersion: number
  readonly encode: (event: unknown) => Result.Result<Schema.Json, string>
}

type Conversion<A> = (value: unknown) => Result.Result<A, string>

/**
 * Returns a conversion whose issues are texts, including those of a transformation that throws.
 *
 * `convert` returns the value alone, and `explain` runs for a value that it refuses: every event
 * that is read or written passes here, and a compiled schema allocates an effect and two results
 * for an answer that names issues.
 */
const explaining =
  <A>(
    convert: (value: unknown) => A,
    explain: (value: unknown) => Result.Result<A, Schema.SchemaError>
  ): Conversion<A> =>
  (value) => {
    try {
      return Result.succeed(convert(value))
    } catch {
      try {
        return Result.mapError(explain(value), issueOf)
      } catch (error) {
        return Result.fail(thrown(error))
      }
    }
  }

const decoding = <A>(schema: Schema.Codec<A, unknown>): Conversion<A> =>
  explaining(SchemaParser.decodeUnknownSync(schema), Schema.decodeUnknownResult(schema))

const encoding = <A>(schema: Schema.Codec<unknown, A>): Conversion<A> =>
  explaining(SchemaParser.encodeUnknownSync(schema), Schema.encodeUnknownResult(schema))

const issueOf = (error: Schema.SchemaError): string => error.message

/** Describes a thrown error. Schemas wrap errors thrown inside of them, as the cause. */
const thrown = (error: unknown): string =>
  error instanceof Error && Cause.isCause(error.cause)
    ? textOf(Cause.squash(error.cause))
    : textOf(error)

/** Checks that the last step of an upcaster returned events of today, with the schemas' checks. */
const compileToday = <Event>(events: Schema.Codec<Event, unknown>) =>
  decoding(Schema.toType(Schema.Array(events)))

const upcasting =
  <Event>(
    decode: Conversion<unknown>,
    steps: ReadonlyArray<(data: unknown) => unknown>,
    today: (events: unknown) => Result.Result<ReadonlyArray<Event>, string>
  ): Decoder<Event> =>
  (data) => {
    const decoded = decode(data)
    if (Result.isFailure(decoded)) {
      return Result.fail({ _tag: "InvalidData", issue: decoded.failure })
    }
    const upcast = Result.try({
      try: () => steps.reduce((value, step) => step(value), decoded.success),
      catch: (cause): DecodeErrorReason => ({ _tag: "UpcastFailed", issue: textOf(cause) })
    })
    return Result.flatMap(upcast, (out) =>
      Result.mapError(today(Array.isArray(out) ? out : [out]), (issue): DecodeErrorReason => ({
        _tag: "UpcastFailed",
        issue
      }))
    )
  }

/** Converts the newest version of a type: events have their tag, stored data has none. */
const compile = (schema: EventCase, type: string, unknownFields: "drop" | "keep") => {
  const json = CompiledSchema.make(Schema.toCodecJson(schema))
  const decode = decoding(json)
  const encode = encoding(json)
  const plain = {
    decode: (data: unknown) => decode(withTag(data, type)),
    // A tagged struct in JSON is an object.
    encode: (event: unknown) =>
      Result.map(encode(event), (encoded): Schema.Json => {
        const { _tag: _, ...data } = encoded as Record<string, Schema.Json>
        return data
      })
  }
  if (unknownFields === "drop") return plain
  const named = new Set(fieldNames(schema))
  const unnamed = (value: unknown): Record<string, Schema.Json> =>
    Predicate.isObject(value)
      ? // Unnamed fields come from stored data and return to it, so they are JSON.
        (Object.fromEntries(Object.entries(value).filter(([key]) => !named.has(key))) as Record<
          string,
          Schema.Json
        >)
      : {}
  return {
    decode: (data: unknown) =>
      Result.map(plain.decode(data), (event) => ({ ...unnamed(data), ...event })),
    encode: (event: unknown) =>
      Result.map(plain.encode(event), (data): Schema.Json => ({
        ...unnamed(event),
        ...(data as Record<string, Schema.Json>)
      }))
  }
}

/** Returns a case's fields, tag included. Each case has them, though its type here lacks them. */
const fieldNames = (schema: EventCase): ReadonlyArray<string> =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields)
    ? Object.keys(schema.fields)
    : []

/** Adds the tag to an object; the schema refuses any other value in its own words. */
const withTag = (data: unknown, tag: string): unknown =>
  Predicate.isObject(data) ? { ...data, _tag: tag } : data
