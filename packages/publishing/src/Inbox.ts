/**
 * An inbox: the commands that messages of other systems stand for. The id of a message is recorded
 * with the events of its commands, so a message that is delivered again counts once.
 *
 * Laws:
 *
 * 1. However often a message is delivered, its accepted commands are recorded once.
 * 2. A command that was rejected stays so when its message is delivered again.
 * 3. A message is acknowledged after its commands, or their rejections, are recorded.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import { printableLine, textOf } from "@daybook/kernel/Printable"
import {
  type CommandError,
  CommandHandler,
  CurrentMetadata,
  type RequestOptions
} from "@daybook/store/CommandHandler"
import type { RefusalReason } from "@daybook/store/EventStore"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Tracer from "effect/Tracer"
import { v5 as uuidV5 } from "uuid"
import type { BrokerUnavailable, BrokerUnfit } from "./Broker.ts"
import * as IntegrationMessage from "./IntegrationMessage.ts"
import * as Metrics from "./internal/metrics.ts"
import { rejections } from "./internal/rejections.ts"
import type { MessageSource } from "./MessageSource.ts"

/**
 * A command on an instance of an aggregate, made by {@link command}.
 *
 * @category types
 * @since 0.1.0
 */
export interface InboxCommand {
  /** Returns the rejection of the command, if it was rejected. */
  readonly execute: (
    options: RequestOptions
  ) => Effect.Effect<Option.Option<unknown>, CommandError, CommandHandler>
}

/**
 * An inbox, see {@link make}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Inbox {
  /** It is a part of the ids of commands: under another name a message counts again. */
  readonly name: string
  /** Returns the commands of a message, perhaps none: the same ones each time. */
  readonly toCommands: (
    message: IntegrationMessage.IntegrationMessage
  ) => ReadonlyArray<InboxCommand>
  /**
   * The policy for a message that can't be read, mapped or recorded, see {@link handle}. `stop`: it
   * is tried again after pauses, and the later ones of its source wait. `skip`: it is logged and
   * left out.
   */
  readonly onUnreadable: "stop" | "skip"
}

/**
 * The mapping of an inbox threw.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageUnmapped extends Data.TaggedError("MessageUnmapped")<{
  readonly inbox: string
  readonly source: string
  readonly id: string
  readonly cause: unknown
}> {
  override get message() {
    const { cause, id, inbox, source } = this
    return printableLine(`${inbox} cannot map message ${id} of ${source}: ${rootMessage(cause)}`)
  }
}

/**
 * The errors of handling a message.
 *
 * @category errors
 * @since 0.1.0
 */
export type HandleError = IntegrationMessage.MessageUnreadable | MessageUnmapped | CommandError

/**
 * Makes an inbox.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly name: string
  readonly toCommands: Inbox["toCommands"]
  /** `stop` unless told. */
  readonly onUnreadable?: Inbox["onUnreadable"]
}): Inbox => ({ onUnreadable: "stop", ...options })

/**
 * A command on the instance `id` of an aggregate.
 *
 * @category constructors
 * @since 0.1.0
 */
export const command = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  id: string,
  wanted: Command
): InboxCommand => ({
  execute: (options) =>
    Effect.gen(function* () {
      const handler = yield* CommandHandler
      const [result] = yield* handler.executeAll(aggregate, id, [{ ...options, command: wanted }])
      return result === undefined ? Option.none() : Result.getFailure(result)
    })
})

/** The namespace of the ids of commands; any fixed UUID will do. */
const NAMESPACE = "5a1d9f0e-7c1b-4b0e-9d5c-2f6f1c0b8a11"

/**
 * Returns the id of command number `index` of a message, counted from 0.
 *
 * @category destructors
 * @since 0.1.0
 */
export const commandId = (
  inbox: Pick<Inbox, "name">,
  { id, source }: Pick<IntegrationMessage.IntegrationMessage, "id" | "source">,
  index: number
): CommandId.CommandId =>
  CommandId.make(uuidV5(JSON.stringify([inbox.name, source, id, index]), NAMESPACE))

/** From 100 milliseconds to 10 seconds, for ever: a log that is away is waited for. */
const untilAvailable = Schedule.min([
  Schedule.exponential("100 millis"),
  Schedule.spaced("10 seconds")
])

/** Returns true for the errors that a later attempt may not have. */
const isTransient = ({ _tag }: CommandError): boolean =>
  _tag === "EventStoreError" || _tag === "Overloaded" || _tag === "WrongExpectedRevision"

/**
 * Executes the commands of a message, given as JSON text, one after the other.
 *
 * **Details**
 * A command that is rejected is logged and counted: it is an answer, and the message is handled.
 * The rejection is recorded, in a stream of the category `inbox_rejection`: if the message is
 * delivered again, the command is not decided again.
 * `onUnreadable` applies to `MessageUnreadable`, `MessageUnmapped`, and to a command that no log
 * could record: an id that names no stream, an event that does not fit its schema or the limits of
 * an append. The commands of the message before that one stay recorded.
 *
 * @category operations
 * @since 0.1.0
 */
export const handle = (
  inbox: Inbox,
  body: string
): Effect.Effect<void, HandleError, CommandHandler> =>
  Effect.catchIf(handleReadable(inbox, body), isUnreadable, (error) =>
    inbox.onUnreadable === "stop"
      ? Effect.fail(error)
      : Effect.logWarning(`Inbox ${inbox.name} leaves a message out: ${error.message}`)
  )

/** Returns true for the errors that the message has at every attempt, whatever the log holds. */
const isUnreadable = (error: HandleError): boolean => {
  switch (error._tag) {
    case "MessageUnreadable":
    case "MessageUnmapped":
    case "InvalidStreamId":
    case "EventEncodeError":
      return true
    case "AppendRefused":
      return UNRECORDABLE.has(error.reason._tag)
    default:
      return false
  }
}

/** The refusals that depend on the events alone. */
const UNRECORDABLE: ReadonlySet<RefusalReason["_tag"]> = new Set([
  "TooManyEvents",
  "InvalidStreamId",
  "InvalidField",
  "NotJson",
  "TooLarge",
  "AppendTooLarge"
])

const handleReadable = Effect.fnUntraced(function* (inbox: Inbox, body: string) {
  const message = yield* Effect.fromResult(IntegrationMessage.decode(body))
  const commands = yield* Effect.try({
    try: () => inbox.toCommands(message),
    catch: (cause) =>
      new MessageUnmapped({ inbox: inbox.name, source: message.source, id: message.id, cause })
  })
  yield* Effect.forEach(commands, (one, index) => execute(inbox, message, one, index), {
    discard: true
  }).pipe(
    Effect.provideService(CurrentMetadata, {
      correlationId: message.correlationid ?? message.id,
      causationId: message.id,
      custom: { inbox: inbox.name, messageSource: message.source }
    }),
    Effect.withSpan("Inbox.handle", {
      kind: "consumer",
      attributes: { inbox: inbox.name, "message.id": message.id, "message.type": message.type },
      ...parentOf(message)
    })
  )
  yield* Metric.update(Metric.withAttributes(Metrics.handled, { inbox: inbox.name }), 1)
})

const retried = <A, E extends CommandError, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: untilAvailable, while: isTransient })

const execute = Effect.fnUntraced(function* (
  inbox: Inbox,
  message: IntegrationMessage.IntegrationMessage,
  wanted: InboxCommand,
  index: number
) {
  const handler = yield* CommandHandler
  const id = commandId(inbox, message, index)
  const log = (rejection: string) =>
    Effect.logWarning(
      printableLine(
        `Inbox ${inbox.name}: command ${index} of message ${message.id} of ${message.source} is rejected: ${rejection}`
      )
    )
  const recorded = yield* retried(handler.load(rejections, id))
  if (recorded.state !== null) return yield* log(recorded.state)
  const rejected = yield* retried(wanted.execute({ commandId: id }))
  if (Option.isNone(rejected)) return
  const rejection = printableLine(textOf(rejected.value))
  yield* retried(handler.execute(rejections, id, { index, rejection }))
  yield* Metric.update(Metric.withAttributes(Metrics.rejected, { inbox: inbox.name }), 1)
  yield* log(rejection)
})

/** Returns the span of the sender, so that its trace goes on here. */
const parentOf = ({ traceparent = "" }: IntegrationMessage.IntegrationMessage) => {
  const [, traceId, spanId, flags] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return {}
  const sampled = (Number.parseInt(flags, 16) & 1) === 1
  return { parent: Tracer.externalSpan({ traceId, spanId, sampled }) }
}

/**
 * Handles the messages of a source until it fails.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = (
  inbox: Inbox,
  source: MessageSource
): Effect.Effect<never, HandleError | BrokerUnavailable | BrokerUnfit, CommandHandler> =>
  source.run(({ body }) => handle(inbox, body))

const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000

/** Runs an inbox, and again after a pause when it failed; pauses are short again after a while. */
const forever = Effect.fnUntraced(function* (inbox: Inbox, source: MessageSource) {
  const once = Effect.flip(Effect.sandbox(run(inbox, source)))
  let pause = FIRST_PAUSE
  while (true) {
    const begun = yield* Clock.currentTimeMillis
    const cause = yield* once
    if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
    if ((yield* Clock.currentTimeMillis) - begun > LONGEST_PAUSE) pause = FIRST_PAUSE
    yield* Effect.logError(`Inbox ${inbox.name} begins again after a pause`, cause)
    yield* Effect.sleep(pause)
    pause = Math.min(pause * 2, LONGEST_PAUSE)
  }
})

/**
 * Handles the messages of a source for as long as the layer is built.
 *
 * **Details**
 * A message that fails holds back its whole source, all partitions of Kafka included, until it is
 * handled or left out.
 * A failure is logged, and the source runs again after a pause: a second at first, twice as long
 * after each failure, half a minute at most, and a second again after a run of half a minute.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  inbox: Inbox,
  source: MessageSource
): Layer.Layer<never, never, CommandHandler> =>
  Layer.effectDiscard(Effect.forkScoped(forever(inbox, source)))
