/**
 * The steps of processes: each is one append to the stream of the process, once for each input.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as EventCodec from "@daybook/kernel/EventCodec"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import { type Delivery, ofEvent, type ProcessStepRefused } from "@daybook/kernel/ProcessStep"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import {
  type CommandError,
  type CommandHandler,
  CurrentMetadata
} from "@daybook/store/CommandHandler"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { v5 as uuidV5 } from "uuid"

/** The circumstances of the input of a step, that its events carry on. */
export type Cause = Pick<EventMetadata, "correlationId" | "causationId">

/** Takes an input, if the process takes it and has not taken it before. */
export type Take<Event> = (
  delivery: Delivery<Event>,
  input: CommandId.CommandId,
  cause: Cause
) => Effect.Effect<void, ProcessStepRefused | CommandError>

export const take =
  <Event, State, Own, Of extends Targets, Timer extends string>(
    handler: CommandHandler["Service"],
    { aggregate }: ProcessManager<Event, State, Own, Of, Timer>
  ): Take<Event> =>
  (delivery, input, cause) =>
    handler.executeAll(aggregate, delivery.id, [{ command: delivery, commandId: input }]).pipe(
      Effect.flatMap(([answer]) =>
        answer !== undefined && Result.isFailure(answer) ? Effect.fail(answer.failure) : Effect.void
      ),
      Effect.provideService(CurrentMetadata, cause)
    )

/** Returns what caused the step that takes an event, or that follows from an event of a process. */
export const causeOf = ({ id, metadata }: RecordedEvent): Cause => ({
  causationId: id,
  ...(metadata.correlationId === undefined ? {} : { correlationId: metadata.correlationId })
})

/** A recorded event as inputs of processes. */
export interface Deliveries<Event> {
  /** The inputs; fails when a codec or `correlate` does not take the event. */
  readonly deliveries: Result.Result<ReadonlyArray<Delivery<Event>>, unknown>
  /** The ids of the processes; the stream, if they can't be found. */
  readonly keys: ReadonlyArray<string>
}

/**
 * Returns a function that finds the inputs of a recorded event, once: the group asks for the key,
 * and then the consumer for the inputs.
 */
export const deliveriesOf = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>
): ((recorded: RecordedEvent) => Deliveries<Event>) => {
  const sources = new Map(process.from.map((source) => [source.category, source.codec]))
  const known = new WeakMap<RecordedEvent, Deliveries<Event>>()
  const decode = (recorded: RecordedEvent): ReadonlyArray<Delivery<Event>> => {
    const codec = sources.get(StreamId.category(recorded.streamId))
    if (codec === undefined) return []
    return Result.getOrThrow(EventCodec.decodeRecorded(codec, recorded)).flatMap(
      (event) => ofEvent(process, event, recorded) ?? []
    )
  }
  return (recorded) => {
    const before = known.get(recorded)
    if (before !== undefined) return before
    const deliveries = Result.try({ try: () => decode(recorded), catch: (thrown) => thrown })
    const keys = Result.match(deliveries, {
      onFailure: () => [recorded.streamId],
      onSuccess: (all) => Array.from(new Set(all.map(({ id }) => id)))
    })
    const found = { deliveries, keys }
    known.set(recorded, found)
    return found
  }
}

/**
 * The id of the input that an event is to a process: the id of the event, or one derived from it
 * for the second and later events of today that it decodes to.
 */
export const inputOfEvent = ({ id }: RecordedEvent, index: number): CommandId.CommandId =>
  index === 0 ? CommandId.make(id) : derived(`event ${index}`, id)

/** The id of the input that a timer is to its process. */
export const inputOfTimer = (streamId: StreamId.StreamId, setting: number): CommandId.CommandId =>
  derived(`timer ${setting} ${streamId}`, TIMERS)

/** The id of the input that the rejection of a command is to its process. */
export const inputOfRejection = (issued: string): CommandId.CommandId => derived("rejected", issued)

/** The namespace of the timers' ids. */
const TIMERS = "8c0e3b9a-4f0b-4b7e-9a55-0f6b2c1d7e11"

/** Derives a UUID of version 5. The namespace is passed as bytes, see `eventId` of the store. */
const derived = (name: string, namespace: string): CommandId.CommandId =>
  CommandId.make(uuidV5(name, Buffer.from(namespace.replaceAll("-", ""), "hex")))
