/**
 * The steps of a process as a runner sees them: the inputs it delivers, and the progress of a
 * process after its steps.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { EventId } from "./EventId.ts"
import type * as Named from "./Named.ts"
import { Position } from "./Position.ts"
import { printableLine } from "./Printable.ts"
import type { Correlation } from "./ProcessManager.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"

/**
 * An input for the process `id`. It is the command of the aggregate of a process.
 *
 * @category types
 * @since 0.1.0
 */
export type Delivery<Event> = {
  readonly id: string
  /** The time of the input, from which a timer set after a duration is due. */
  readonly at: DateTime.Utc
} & (
  | {
      readonly _tag: "Event"
      /** The part of the event in the life of the process, from `correlate`. */
      readonly part: "start" | "continue" | "end"
      readonly event: Event
      readonly recorded: RecordedEvent
    }
  | { readonly _tag: "Timer"; readonly timer: string; readonly setting: number }
  | {
      readonly _tag: "Rejection"
      /** The id of the event that issued the command. */
      readonly issued: EventId
      readonly to: string
      /** The id of the instance that rejected the command. */
      readonly instance: string
      readonly command: Schema.Json
      readonly rejection: unknown
    }
)

/**
 * Returns the delivery of an event to the process that it belongs to; `undefined` if it belongs to
 * none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofEvent = <Event>(
  process: { readonly correlate: (event: Event, recorded: RecordedEvent) => Correlation },
  event: Event,
  recorded: RecordedEvent
): Delivery<Event> | undefined => {
  const correlation = process.correlate(event, recorded)
  if (correlation === "ignore") return undefined
  const delivery = { _tag: "Event", at: recorded.occurredAt, event, recorded } as const
  if ("start" in correlation) return { ...delivery, id: correlation.start, part: "start" }
  if ("continue" in correlation) return { ...delivery, id: correlation.continue, part: "continue" }
  return { ...delivery, id: correlation.end, part: "end" }
}

/**
 * A timer that is set.
 *
 * @category types
 * @since 0.1.0
 */
export const PendingTimer = Schema.Struct({
  timer: Schema.String,
  /** The number of this setting among all settings of the process, from 1. */
  setting: Schema.Int,
  due: Schema.DateTimeUtc
})

/**
 * @category types
 * @since 0.1.0
 */
export type PendingTimer = Named.Struct<typeof PendingTimer>

/**
 * The progress of a process: the state of its aggregate.
 *
 * @category types
 * @since 0.1.0
 */
export interface Progress<out State> {
  readonly status: "notStarted" | "running" | "ended"
  /** The position of the event that started it; 0 before the start. */
  readonly startedAt: Position
  /** The state of the definition. */
  readonly state: State
  /** The timers that are set, in the order in which they were set. */
  readonly timers: ReadonlyArray<PendingTimer>
  /** The number of timers set so far. */
  readonly settings: number
}

/**
 * Builds the schema of a progress, in which snapshots store it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const progress = <State>(
  state: Schema.Codec<State, unknown>
): Schema.Codec<Progress<State>, unknown> =>
  Schema.Struct({
    status: Schema.Literals(["notStarted", "running", "ended"]),
    startedAt: Position,
    state,
    timers: Schema.Array(PendingTimer),
    settings: Schema.Int
  })

/**
 * The reason why a step was refused.
 *
 * @category types
 * @since 0.1.0
 */
export const StepRefusalReason = Schema.TaggedUnion({
  /** The definition names no target of that category. */
  UnknownTarget: { to: Schema.String },
  /** The id of the command's instance is not one. */
  InvalidInstance: { to: Schema.String, issue: Schema.String },
  /** The command does not fit the schema of its target. */
  InvalidCommand: { to: Schema.String, issue: Schema.String },
  /** The definition names no timer of that name. */
  UnknownTimer: { timer: Schema.String },
  /** The timer would be due at no date. */
  InvalidTimer: { timer: Schema.String }
})

/**
 * @category types
 * @since 0.1.0
 */
export type StepRefusalReason = Named.Union<typeof StepRefusalReason>

/**
 * A process cannot take an input, because its definition reacted with something that cannot be
 * recorded, or does not know what is recorded. Nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProcessStepRefused extends Schema.TaggedError<ProcessStepRefused>()(
  "ProcessStepRefused",
  {
    /** The name of the process manager. */
    process: Schema.String,
    id: Schema.String,
    reason: StepRefusalReason
  }
) {
  override get message() {
    return printableLine(
      `Cannot take the step of process ${this.process} ${this.id}: ${describe(this.reason)}`
    )
  }
}

const describe = (reason: StepRefusalReason): string =>
  StepRefusalReason.match(reason, {
    UnknownTarget: ({ to }) => `it sends no commands to ${to}`,
    InvalidInstance: ({ issue, to }) => `the id of a command to ${to}: ${issue}`,
    InvalidCommand: ({ issue, to }) => `a command to ${to} does not fit its schema: ${issue}`,
    UnknownTimer: ({ timer }) => `it has no timer ${timer}`,
    InvalidTimer: ({ timer }) => `timer ${timer} is due at no date`
  })
