/**
 * The events that every process records of its own steps, beside the events of its definition.
 *
 * A step is one append: first the input it took, then the events that the process decided on, then
 * the commands, the timers and the end that follow from it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as EventCodec from "./EventCodec.ts"
import { EventId } from "./EventId.ts"
import type * as Named from "./Named.ts"
import { EventType } from "./NewEvent.ts"
import { Position } from "./Position.ts"
import { StreamId } from "./StreamId.ts"

/**
 * The number of a setting of a timer among all settings of its process, counted from 1. It
 * distinguishes a timer from the same one before it was set again.
 */
const Setting = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/**
 * The events of the steps of any process. Their names are reserved in its own events.
 *
 * **Details**
 * Commands and timers are stored as plain JSON and text, which the definition of today need not
 * know: a process stays readable when its commands change.
 *
 * @category types
 * @since 0.1.0
 */
export const ProcessEvent = Schema.TaggedUnion({
  /** Begins a step that takes a recorded event. The first one starts the process. */
  EventReceived: {
    eventId: EventId,
    type: EventType,
    streamId: StreamId,
    position: Position
  },
  /** Begins a step that takes a timer which is due. */
  TimerFired: { timer: Schema.String, setting: Setting, due: Schema.DateTimeUtc },
  /** Begins a step that takes the rejection of a command that the process issued. */
  CommandRejected: {
    /** The event that issued the command. */
    issued: EventId,
    to: Schema.String,
    id: Schema.String,
    command: Schema.Json,
    /** The rejection in words. */
    reason: Schema.String
  },
  /** A command for the instance `id` of the category `to`, whose command id is this event's id. */
  CommandIssued: { to: Schema.String, id: Schema.String, command: Schema.Json },
  /** Replaces the timer of the same name, if it is set. */
  TimerSet: { timer: Schema.String, setting: Setting, due: Schema.DateTimeUtc },
  TimerCancelled: { timer: Schema.String, setting: Setting },
  /** Ends the process for good. Its timers are cancelled before. */
  ProcessEnded: {}
})

/**
 * @category types
 * @since 0.1.0
 */
export type ProcessEvent = Named.Union<typeof ProcessEvent>

/**
 * The stored contract of {@link ProcessEvent}.
 *
 * @category codecs
 * @since 0.1.0
 */
export const codec: EventCodec.EventCodec<ProcessEvent> = EventCodec.make({
  name: "process",
  events: ProcessEvent
})

/**
 * Returns true for an event of the steps, and false for one of the definition.
 *
 * @category guards
 * @since 0.1.0
 */
export const isProcessEvent = <Event extends { readonly _tag: string }>(
  event: Event | ProcessEvent
): event is ProcessEvent => TAGS.has(event._tag)

const TAGS: ReadonlySet<string> = new Set(codec.types)
