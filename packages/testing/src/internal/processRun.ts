/**
 * Runs processes on happenings, purely: what a runner does between a log, a clock and processes.
 */
import { type EncodedEvent, problemOf } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import type { ProcessEvent } from "@daybook/kernel/ProcessEvent"
import type { ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import {
  type Delivery,
  ofEvent,
  type PendingTimer,
  type Progress
} from "@daybook/kernel/ProcessStep"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"

/** An event to deliver, without its place in the log. */
export type Occurrence = Pick<RecordedEvent, "streamId" | "id" | "metadata" | "occurredAt"> &
  EncodedEvent

/** A command that a target rejected. */
export interface RejectedCommand {
  readonly to: string
  readonly id: string
  readonly command: Schema.Json
  readonly rejection: unknown
}

/** A step that a process took. */
export interface Step<State, Own> {
  readonly id: string
  /** The time of its input. */
  readonly at: DateTime.Utc
  readonly events: ReadonlyArray<Own | ProcessEvent>
  readonly after: Progress<State>
}

interface History<State, Own> {
  readonly progress: Progress<State>
  readonly events: ReadonlyArray<Own | ProcessEvent>
}

/**
 * Runs the processes of one manager. Its methods return the steps that were taken, and throw what
 * the manager throws; a failure is the text of what can't happen.
 */
export interface Run<State, Own> {
  readonly occur: (occurrence: Occurrence) => Result.Result<ReadonlyArray<Step<State, Own>>, string>
  readonly pass: (
    time: { readonly after: Duration.Input } | { readonly at: DateTime.Utc }
  ) => Result.Result<ReadonlyArray<Step<State, Own>>, string>
  readonly reject: (
    rejected: RejectedCommand
  ) => Result.Result<ReadonlyArray<Step<State, Own>>, string>
  /** The processes that have taken a step. */
  readonly processes: ReadonlyMap<string, History<State, Own>>
}

export const make = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>,
  start: DateTime.Utc
): Run<State, Own> => {
  const { codec, decider } = process.aggregate
  const processes = new Map<string, History<State, Own>>()
  const revisions = new Map<StreamId.StreamId, number>()
  let now = start
  let position = 0n

  const deliver = (
    delivery: Delivery<Event>
  ): Result.Result<ReadonlyArray<Step<State, Own>>, string> =>
    Result.gen(function* () {
      const { at, id } = delivery
      const before = processes.get(id) ?? { progress: decider.initialState, events: [] }
      const decided = yield* Result.mapError(
        decider.decide(delivery, before.progress),
        ({ message }) => message
      )
      if (decided.length === 0) return []
      const events: Array<Own | ProcessEvent> = []
      for (const event of decided) {
        const encoded = yield* Result.mapError(codec.encode(event), ({ message }) => message)
        events.push(...(yield* Result.mapError(codec.decode(encoded), problemOf)))
      }
      const after = events.reduce(decider.evolve, before.progress)
      processes.set(id, { progress: after, events: [...before.events, ...events] })
      return [{ id, at, events, after }]
    })

  return {
    processes,
    occur: (occurrence) =>
      Result.gen(function* () {
        const source = process.from.find(
          ({ category }) => category === StreamId.category(occurrence.streamId)
        )
        if (source === undefined) {
          return yield* Result.fail(`${occurrence.streamId} is not read by ${process.name}`)
        }
        now = later(now, occurrence.occurredAt)
        const revision = (revisions.get(occurrence.streamId) ?? 0) + 1
        revisions.set(occurrence.streamId, revision)
        const recorded: RecordedEvent = {
          ...occurrence,
          revision: Revision.make(revision),
          position: Position.make(++position),
          recordedAt: now
        }
        const decoded = yield* Result.mapError(source.codec.decode(recorded), problemOf)
        const steps: Array<Step<State, Own>> = []
        for (const event of decoded) {
          const delivery = ofEvent(process, event, recorded)
          if (delivery !== undefined) steps.push(...(yield* deliver(delivery)))
        }
        return steps
      }),
    pass: (time) =>
      Result.gen(function* () {
        const until =
          "at" in time
            ? time.at
            : DateTime.makeUnsafe(DateTime.toEpochMillis(now) + Duration.toMillis(time.after))
        const steps: Array<Step<State, Own>> = []
        while (true) {
          const next = nextDue(processes, until)
          if (next === undefined) break
          now = later(now, next.due)
          const { id, setting, timer } = next
          steps.push(...(yield* deliver({ _tag: "Timer", id, at: now, timer, setting })))
        }
        now = later(now, until)
        return steps
      }),
    reject: ({ command, id: instance, rejection, to }) => {
      for (const [id, { events }] of processes) {
        const issued = events.some(
          (event) =>
            isIssued(event) &&
            Equal.equals(event, { _tag: "CommandIssued", to, id: instance, command })
        )
        if (issued) {
          return deliver({
            _tag: "Rejection",
            id,
            at: now,
            issued: ISSUED,
            to,
            instance,
            command,
            rejection
          })
        }
      }
      return Result.fail(`no process issued the command to ${to} ${instance}`)
    }
  }
}

/** The id of an event of a run; no function of a manager gets it. */
const ISSUED = EventId.make("00000000-0000-4000-8000-000000000000")

const isIssued = (event: unknown): boolean =>
  typeof event === "object" && event !== null && "_tag" in event && event._tag === "CommandIssued"

const later = (a: DateTime.Utc, b: DateTime.Utc): DateTime.Utc =>
  DateTime.isGreaterThan(a, b) ? a : b

/** Returns the timer that is due first, up to an instant. */
const nextDue = <State, Own>(
  processes: ReadonlyMap<string, History<State, Own>>,
  until: DateTime.Utc
): (PendingTimer & { readonly id: string }) | undefined =>
  Array.from(processes, ([id, { progress }]) => progress.timers.map((timer) => ({ ...timer, id })))
    .flat()
    .filter(({ due }) => DateTime.isLessThanOrEqualTo(due, until))
    .toSorted((a, b) => DateTime.toEpochMillis(a.due) - DateTime.toEpochMillis(b.due))[0]
