/**
 * A publisher: a reactor that sends messages for other systems, which the events of the log stand
 * for. The log is the outbox.
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
import { type ConsumerGroup, keysOf } from "@daybook/reactors/ConsumerGroup"
import * as Reactor from "@daybook/reactors/Reactor"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import { Broker, type OutgoingMessage, type SendError } from "./Broker.ts"
import * as IntegrationMessage from "./IntegrationMessage.ts"

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
 * A publisher: a reactor, which `Reactors.layer` runs among others.
 *
 * @category types
 * @since 0.1.0
 */
export interface Publisher extends Reactor.Reactor<Broker> {
  /**
   * Returns the messages of a recorded event, with their identities: none when its category is not
   * one of the publisher's.
   */
  readonly messages: (
    recorded: RecordedEvent
  ) => Result.Result<ReadonlyArray<OutgoingMessage>, EventDecodeError | MappingFailed>
}

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
 * The options of a publisher. Those of its consumer group and its policy are a reactor's.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options<Source extends EventSource<unknown>> extends Pick<
  Reactor.Options<never, never>,
  "from" | "types" | "onFailure" | "maxParked" | "retry"
> {
  /** Returns the key whose messages are sent in order: the stream unless told. */
  readonly key?: ((event: RecordedEvent) => string) | undefined
  /** The name of its consumer group, which is a part of the ids of its messages. */
  readonly name: string
  /** The `source` of its messages: their system, a URI reference such as `/shop/orders`. */
  readonly origin: string
  /** Aggregates or other sources of events, each of another category. */
  readonly sources: ReadonlyArray<Source>
  /** Returns the messages of an event, perhaps none. */
  readonly toMessages: (
    event: EventOf<Source>,
    recorded: RecordedEvent
  ) => ReadonlyArray<MessageDraft>
  /**
   * The most events of a range of slots whose messages are sent and not acknowledged yet; 1,024
   * unless told.
   */
  readonly window?: number | undefined
}

/**
 * From 100 milliseconds to 10 seconds, for ever: a broker that is away is waited for.
 */
const untilAvailable = Schedule.min([
  Schedule.exponential("100 millis"),
  Schedule.spaced("10 seconds")
])

const isAway = ({ _tag }: SendError): boolean => _tag !== "MessageRefused"

/**
 * Makes a publisher of the events of `sources`. Throws unless the name is valid and the categories
 * differ.
 *
 * **Details**
 * Events are sent in batches, in order, each after the one before is acknowledged; the checkpoint
 * moves after that too. A broker that is away is waited for. A message that it refuses, an event
 * that can't be decoded and a mapping that throws are retried and then handled by `onFailure`,
 * event by event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Source extends EventSource<unknown>>(
  options: Options<Source>
): Publisher => {
  const { from, key, maxParked, name, onFailure, origin, retry, sources, types } = options
  const categories = sources.map(({ category }) => category)
  if (new Set(categories).size < categories.length) {
    throw new Error(`two sources of publisher ${name} have one category`)
  }
  // The type of `Options` ties the events of `toMessages` to its sources.
  const toMessages = options.toMessages as Options<EventSource<unknown>>["toMessages"]
  const messages: Publisher["messages"] = (recorded) => {
    const category = StreamId.category(recorded.streamId)
    const source = sources.find((one) => one.category === category)
    if (source === undefined) return Result.succeed([])
    const decoded = decodeRecorded(source.codec, recorded)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    try {
      const drafts = decoded.success.flatMap((event) => toMessages(event, recorded))
      const messageKey = key === undefined ? recorded.streamId : key(recorded)
      return Result.succeed(
        drafts.map((draft, index) =>
          outgoing({ publisher: { name, origin }, recorded, draft, key: messageKey, index })
        )
      )
    } catch (cause) {
      return Result.fail(new MappingFailed({ publisher: name, recorded, cause }))
    }
  }
  const publish = Effect.fnUntraced(function* (recorded: RecordedEvent) {
    const outgoing = yield* Effect.fromResult(messages(recorded))
    if (Arr.isReadonlyArrayNonEmpty(outgoing)) yield* sendWhenAvailable(outgoing)
  })
  const reactor = Reactor.make({
    name,
    from,
    types,
    key,
    categories,
    react: publish,
    onFailure,
    maxParked,
    retry,
    concurrency: ALONE
  })
  const prepare = (events: Arr.NonEmptyReadonlyArray<RecordedEvent>) =>
    sendTogether(map(reactor.group, events, messages))
  return { ...reactor, messages, together: { most: options.window ?? 1_024, prepare } }
}

/** The most keys at once whose events are sent one by one, since a batch left them. */
const ALONE = 100

/** Sends messages; waits for a broker that is away. */
const sendWhenAvailable = Effect.fnUntraced(function* (
  messages: Arr.NonEmptyReadonlyArray<OutgoingMessage>
) {
  const broker = yield* Broker
  const send = broker.send(messages)
  // A schedule costs as much as the rest of a send, so it begins with the first failure.
  yield* Effect.catchIf(send, isAway, () =>
    Effect.retry(send, { schedule: untilAvailable, while: isAway })
  )
})

/** A batch of events with their messages. */
interface Mapped {
  readonly events: ReadonlyArray<{
    readonly recorded: RecordedEvent
    readonly messages: ReadonlyArray<OutgoingMessage>
  }>
  /** The events that can't be mapped, and the later ones of their keys. */
  readonly left: ReadonlySet<RecordedEvent>
}

const map = (
  group: ConsumerGroup,
  batch: ReadonlyArray<RecordedEvent>,
  messages: Publisher["messages"]
): Mapped => {
  const events: Array<Mapped["events"][number]> = []
  const left = new Set<RecordedEvent>()
  const waiting = new Set<string>()
  const isByStream = group.key === undefined
  for (const recorded of batch) {
    const mapped = messages(recorded)
    if (Result.isSuccess(mapped) && isByStream && waiting.size === 0) {
      events.push({ recorded, messages: mapped.success })
      continue
    }
    // An event whose key can't be told waits under its stream.
    const found = keysOf(group, recorded)
    const keys = Result.getOrElse(found, () => [recorded.streamId])
    const isFree = Result.isSuccess(found) && !keys.some((key) => waiting.has(key))
    if (Result.isSuccess(mapped) && isFree) events.push({ recorded, messages: mapped.success })
    else {
      left.add(recorded)
      for (const key of keys) waiting.add(key)
    }
  }
  return { events, left }
}

/** Sends the messages of a batch; returns the events that are left. */
const sendTogether = ({ events, left }: Mapped) => {
  const messages = events.flatMap((event) => event.messages)
  if (!Arr.isReadonlyArrayNonEmpty(messages)) return Effect.succeed(left)
  return sendWhenAvailable(messages).pipe(
    Effect.as(left),
    Effect.catchTag("MessageRefused", ({ acknowledged }) =>
      Effect.sync(() => {
        const sent = new Set(acknowledged)
        const refused = events.filter((event) => event.messages.some(({ id }) => !sent.has(id)))
        return new Set([...left, ...refused.map(({ recorded }) => recorded)])
      })
    )
  )
}

/** Gives a draft its identity and circumstances, and encodes it. */
const outgoing = (options: {
  readonly publisher: { readonly name: string; readonly origin: string }
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
    source: publisher.origin,
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
