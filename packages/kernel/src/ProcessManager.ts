/**
 * A process manager as one pure value: it follows events of several streams, and asks for commands
 * and timers.
 *
 * A process is one instance, such as the payment of order 42. Its history lies in the log, in a
 * stream of its own, so a process manager is an aggregate whose commands are the inputs that a
 * runner delivers to it: events of other streams, timers that are due, and rejections of its
 * commands.
 *
 * Laws, for every process manager:
 *
 * 1. `correlate`, `evolve`, `react` and `isDone` are functions: the same input in the same state
 *    gives the same answer.
 * 2. `evolve` is total: any event in any state gives a state; it holds no rules.
 * 3. A process takes no input before it has started, and none after it has ended. A start of a
 *    process that is running continues it.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregates from "./Aggregate.ts"
import type { Aggregate } from "./Aggregate.ts"
import type { EventCodec } from "./EventCodec.ts"
import { processCodec } from "./internal/processCodec.ts"
import { processDecider } from "./internal/processDecider.ts"
import type { ProcessEvent } from "./ProcessEvent.ts"
import * as ProcessStep from "./ProcessStep.ts"
import { type EventOf, type EventSource, Name } from "./Projection.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import type { Category } from "./StreamId.ts"

/**
 * An event with a tag, as a codec makes it.
 *
 * @category types
 * @since 0.1.0
 */
export interface Tagged {
  readonly _tag: string
}

/**
 * The part of an event in the life of a process: it starts, continues or ends the process of that
 * id, or is ignored.
 *
 * **Details**
 * A start of a running process continues it, and any event after the end is ignored. So is an event
 * that would continue or end a process that has not started.
 *
 * @category types
 * @since 0.1.0
 */
export type Correlation =
  | { readonly start: string }
  | { readonly continue: string }
  | { readonly end: string }
  | "ignore"

/**
 * A category that a process sends commands to; made by {@link target}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Target<in Command, out Rejection> {
  readonly category: Category
  /** Returns the stored form of a command, or the reason why it has none. */
  readonly encode: (command: Command) => Result.Result<Schema.Json, string>
  /** Decodes a stored command, and passes it to `use` with its aggregate. */
  readonly decode: <A>(
    stored: Schema.Json,
    use: <Decoded, State, Event>(
      aggregate: Aggregate<Decoded, State, Event, Rejection>,
      command: Decoded
    ) => A
  ) => Result.Result<A, string>
}

/**
 * The targets of a process manager, by their categories.
 *
 * @category types
 * @since 0.1.0
 */
export interface Targets {
  readonly [category: string]: Target<never, unknown>
}

/**
 * A command to one of the targets.
 *
 * @category types
 * @since 0.1.0
 */
export type CommandTo<Of extends Targets> = {
  [To in keyof Of & string]: Of[To] extends Target<infer Command, unknown>
    ? {
        readonly to: To
        /** The id of the instance. */
        readonly id: string
        readonly command: Command
      }
    : never
}[keyof Of & string]

/**
 * The input of a process whose command was rejected.
 *
 * @category types
 * @since 0.1.0
 */
export type CommandRejected<Of extends Targets> = {
  [To in keyof Of & string]: Of[To] extends Target<infer Command, infer Rejection>
    ? {
        readonly _tag: "CommandRejected"
        readonly to: To
        /** The id of the instance. */
        readonly id: string
        readonly command: Command
        readonly rejection: Rejection
      }
    : never
}[keyof Of & string]

/**
 * The input of a process whose timer is due.
 *
 * @category types
 * @since 0.1.0
 */
export interface TimerFired<out Timer> {
  readonly _tag: "TimerFired"
  readonly timer: Timer
}

/**
 * An input of a process: an event, a timer that is due, or the rejection of a command that it sent.
 *
 * @category types
 * @since 0.1.0
 */
export type Input<Event, Of extends Targets, Timer extends string> =
  | Event
  | TimerFiredOf<Timer>
  | CommandRejected<Of>

/** Is `never` for a process without timers, so that `react` need not handle what can't happen. */
type TimerFiredOf<Timer extends string> = [Timer] extends [never] ? never : TimerFired<Timer>

/**
 * A change of a timer: sets it, in place of an earlier setting, or cancels it.
 *
 * **Details**
 * A duration counts from the time at which the input occurred. Cancelling a timer that is not set
 * changes nothing.
 *
 * @category types
 * @since 0.1.0
 */
export type TimerChange<Timer> =
  | { readonly set: Timer; readonly after: Duration.Input }
  | { readonly set: Timer; readonly at: DateTime.Utc }
  | { readonly cancel: Timer }

/**
 * The reaction of a process to an input; an empty one changes nothing.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reaction<out Own, out Command, out Timer> {
  /** The events of the process, which others may follow: a reactor mails them, for example. */
  readonly events?: ReadonlyArray<Own>
  /** Commands to send, in their order. */
  readonly commands?: ReadonlyArray<Command>
  readonly timers?: ReadonlyArray<TimerChange<Timer>>
}

/**
 * The circumstances of an input.
 *
 * @category types
 * @since 0.1.0
 */
export interface Context {
  /** The id of the process. */
  readonly id: string
  /** The time at which the event occurred, the timer fired, or the command was rejected. */
  readonly at: DateTime.Utc
}

/**
 * A process manager.
 *
 * @category types
 * @since 0.1.0
 */
export interface ProcessManager<
  in out Event,
  in out State,
  in out Own,
  in out Of extends Targets,
  in out Timer extends string
> {
  readonly name: Name
  readonly from: ReadonlyArray<EventSource<Event>>
  readonly targets: Of
  readonly timers: ReadonlyArray<Timer>
  /** Returns the part of an event in the life of a process. */
  readonly correlate: (event: Event, recorded: RecordedEvent) => Correlation
  /** The processes as an aggregate of the category `process_NAME`. A runner executes it. */
  readonly aggregate: Aggregate<
    ProcessStep.Delivery<Event>,
    ProcessStep.Progress<State>,
    Own | ProcessEvent,
    ProcessStep.ProcessStepRefused
  >
}

/**
 * The functions of a process manager.
 *
 * @category types
 * @since 0.1.0
 */
export interface Behaviour<Event, State, Own, Of extends Targets, Timer extends string> {
  readonly initialState: State
  /** Returns the part of an event in the life of a process: the home of its start and its end. */
  readonly correlate: (event: Event, recorded: RecordedEvent) => Correlation
  readonly evolve: (state: State, event: Own) => State
  /** Returns what follows from an input in a state; only called while the process runs. */
  readonly react: (
    state: State,
    input: Input<Event, Of, Timer>,
    context: Context
  ) => Reaction<Own, CommandTo<Of>, Timer>
  /** Returns true for a state in which the process ends, besides the ends of `correlate`. */
  readonly isDone?: (state: State) => boolean
}

/**
 * A process manager that has its events, commands and timers, and still lacks its functions.
 *
 * @category types
 * @since 0.1.0
 */
export interface Definition<Event, State, Own, Of extends Targets, Timer extends string> {
  /** Throws when the name of an own event is reserved, see `ProcessEvent`. */
  readonly make: (
    behaviour: Behaviour<Event, State, Own, Of, Timer>
  ) => ProcessManager<Event, State, Own, Of, Timer>
}

/**
 * Begins a process manager. Throws unless the name is valid, the categories of `from` differ, and
 * the keys of `commands` are the categories of their targets.
 *
 * **Details**
 * A process manager takes two steps, so that its functions are written against types that are
 * known.
 *
 * @see {@link Definition}
 * @category constructors
 * @since 0.1.0
 */
export const define = <
  const Sources extends ReadonlyArray<EventSource<Tagged>>,
  State,
  Own extends Tagged,
  const Of extends Targets = {},
  const Timer extends string = never
>(parts: {
  readonly name: string
  /** Aggregates or other sources, each of another category. */
  readonly from: Sources
  /** The codec of the process's own events. */
  readonly events: EventCodec<Own>
  readonly state: Schema.Codec<State, unknown>
  /** The targets of its commands, by category. */
  readonly commands?: Of
  /** The names of its timers. A name must stay as long as a process may have the timer set. */
  readonly timers?: ReadonlyArray<Timer>
}): Definition<EventOf<Sources[number]>, State, Own, Of, Timer> => {
  type Event = EventOf<Sources[number]>
  const name = Name.make(parts.name)
  // Without `commands`, `Of` has its default, which the empty object has too.
  const { commands: targets = {} as Of, events, timers = [] } = parts
  for (const [key, { category }] of Object.entries(targets)) {
    if (key !== category) throw new Error(`${name} names the target ${category} ${key}`)
  }
  const categories = parts.from.map(({ category }) => category)
  if (new Set(categories).size < categories.length) {
    throw new Error(`${name} reads a category twice: ${categories.join(", ")}`)
  }
  // The events of each source are a part of the union.
  const from: ReadonlyArray<EventSource<unknown>> = parts.from
  const state = ProcessStep.progress(parts.state)
  return {
    make: (behaviour) => ({
      name,
      from: from as ReadonlyArray<EventSource<Event>>,
      targets,
      timers,
      correlate: behaviour.correlate,
      aggregate: Aggregates.make({
        category: `process_${name}`,
        codec: processCodec(name, events),
        state,
        decider: processDecider({ name, targets, timers: new Set(timers), behaviour })
      })
    })
  }
}

/**
 * Builds a target: an aggregate with the schema of its commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const target = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  commands: Schema.Codec<Command, unknown>
): Target<Command, Rejection> => {
  const json = Schema.toCodecJson(commands)
  const encode = Schema.encodeUnknownResult(json)
  const decode = Schema.decodeUnknownResult(json)
  return {
    category: aggregate.category,
    encode: (command) =>
      Result.mapBoth(encode(command), {
        // A JSON codec encodes to JSON.
        onSuccess: (encoded) => encoded as Schema.Json,
        onFailure: ({ message }) => message
      }),
    decode: (stored, use) =>
      Result.mapBoth(decode(stored), {
        onSuccess: (command) => use(aggregate, command),
        onFailure: ({ message }) => message
      })
  }
}
