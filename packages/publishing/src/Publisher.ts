/**
 * A publisher: the messages for other systems that events of the log stand for. `Publishers` sends
 * them.
 *
 * Laws, for every publisher:
 *
 * 1. `toMessages` is a function: the same event gives the same messages in the same order.
 * 2. The ids of the messages of an event derive from the publisher's name and the event's id.
 *
 * @since 0.1.0
 */
import { decodeRecorded, type EventDecodeError } from "@daybook/kernel/EventCodec"
import { printableLine } from "@daybook/kernel/Printable"
import type { EventOf, EventSource } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { OutgoingMessage } from "./Broker.ts"
import * as IntegrationMessage from "./IntegrationMessage.ts"

/**
 * The name of a publisher. It is part of the ids of its messages, and of the name of its group.
 *
 * **Details**
 * Shape: a lower-case letter, then lower-case letters, digits and single `_`; at most 40
 * characters.
 *
 * @category types
 * @since 0.1.0
 */
export const Name = Schema.String.check(
  Schema.isPattern(/^(?=.{1,40}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/, {
    expected:
      "a publisher name: a lower-case letter, then lower-case letters, digits or single _, at most 40 characters"
  })
).pipe(Schema.brand("PublisherName"))

/**
 * @category types
 * @since 0.1.0
 */
export type Name = typeof Name.Type

/**
 * A message of an event before it has its identity.
 *
 * @category types
 * @since 0.1.0
 */
export interface MessageDraft {
  /** The topic of Kafka, the subject of NATS. */
  readonly topic: string
  /** The name under which consumers know messages of this kind, such as `shop.order.placed`. */
  readonly type: string
  readonly data: Schema.Json
  /** The thing that the message is about; the stream by default. */
  readonly subject?: string
  /** The URI of the schema of `data`. */
  readonly dataschema?: string
}

/**
 * The messages that the events of some sources stand for.
 *
 * @category types
 * @since 0.1.0
 */
export interface Publisher<Event> {
  readonly name: Name
  /** The `source` of its messages: the system that they come from, such as `/shop/orders`. */
  readonly source: string
  /** Aggregates or other sources, each of another category. */
  readonly from: ReadonlyArray<EventSource<Event>>
  // Methods, so that publishers of different events fit into one list, see `Any`.
  /** Returns the key of an event: messages with one key stay in order. */
  key(recorded: RecordedEvent): string
  /** Returns the messages of an event, perhaps none. */
  toMessages(event: Event, recorded: RecordedEvent): ReadonlyArray<MessageDraft>
}

/**
 * Any publisher, for lists of several.
 *
 * @category types
 * @since 0.1.0
 */
export type Any = Publisher<unknown>

/**
 * The mapping of a publisher threw, or returned a message that does not fit: the publisher stops at
 * the event.
 *
 * @category errors
 * @since 0.1.0
 */
export class MappingFailed extends Data.TaggedError("MappingFailed")<{
  readonly publisher: string
  readonly recorded: RecordedEvent
  readonly cause: unknown
}> {
  override get message() {
    const { cause, publisher, recorded } = this
    return printableLine(
      `${publisher} cannot map ${recorded.type} at revision ${recorded.revision} of ` +
        `${recorded.streamId} (position ${recorded.position}): ${rootMessage(cause)}`
    )
  }
}

/**
 * Makes a publisher. Throws unless the name is valid and the categories of `from` differ.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Sources extends ReadonlyArray<EventSource<unknown>>>(options: {
  readonly name: string
  /** The system that the messages come from, a URI reference such as `/shop/orders`. */
  readonly source: string
  /** Aggregates or other sources, each of another category. */
  readonly from: Sources
  /** Returns the key of an event: messages with one key stay in order. The stream by default. */
  readonly key?: (recorded: RecordedEvent) => string
  readonly toMessages: (
    event: EventOf<Sources[number]>,
    recorded: RecordedEvent
  ) => ReadonlyArray<MessageDraft>
}): Publisher<EventOf<Sources[number]>> => {
  const name = Name.make(options.name)
  const categories = options.from.map(({ category }) => category)
  if (new Set(categories).size < categories.length) {
    throw new Error(`${name} reads a category twice: ${categories.join(", ")}`)
  }
  return {
    name,
    source: options.source,
    // The events of each source are a part of the union.
    from: options.from as ReadonlyArray<EventSource<EventOf<Sources[number]>>>,
    key: options.key ?? (({ streamId }) => streamId),
    toMessages: options.toMessages
  }
}

/**
 * Returns the messages of a recorded event, with their identities: none when its category is not
 * one of the publisher's.
 *
 * @category operations
 * @since 0.1.0
 */
export const messages = <Event>(
  publisher: Publisher<Event>,
  recorded: RecordedEvent
): Result.Result<ReadonlyArray<OutgoingMessage>, EventDecodeError | MappingFailed> => {
  const category = StreamId.category(recorded.streamId)
  const source = publisher.from.find((one) => one.category === category)
  if (source === undefined) return Result.succeed([])
  const decoded = decodeRecorded(source.codec, recorded)
  if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
  try {
    const key = publisher.key(recorded)
    const drafts = decoded.success.flatMap((event) => publisher.toMessages(event, recorded))
    return Result.succeed(
      drafts.map((draft, index) => outgoing({ publisher, recorded, draft, key, index }))
    )
  } catch (cause) {
    return Result.fail(new MappingFailed({ publisher: publisher.name, recorded, cause }))
  }
}

/** Gives a draft its identity and circumstances, and encodes it. */
const outgoing = (options: {
  readonly publisher: Pick<Any, "name" | "source">
  readonly recorded: RecordedEvent
  readonly draft: MessageDraft
  readonly key: string
  /** The place of the draft among those of the event, from 0. */
  readonly index: number
}): OutgoingMessage => {
  const { draft, index, key, publisher, recorded } = options
  const { correlationId, traceparent, tracestate } = recorded.metadata
  const id = `${publisher.name}/${recorded.id}/${index}`
  const body = IntegrationMessage.encode({
    specversion: "1.0",
    id,
    source: publisher.source,
    type: draft.type,
    subject: draft.subject ?? recorded.streamId,
    time: recorded.occurredAt,
    datacontenttype: "application/json",
    ...(draft.dataschema === undefined ? {} : { dataschema: draft.dataschema }),
    partitionkey: key,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(correlationId === undefined ? {} : { correlationid: correlationId }),
    causationid: recorded.id,
    data: draft.data
  })
  return { topic: draft.topic, key, id, body }
}
