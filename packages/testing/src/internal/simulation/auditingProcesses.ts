/**
 * The part of an audit that is about processes: their inputs, their commands, their timers.
 */
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as ProcessEvents from "@daybook/kernel/ProcessEvent"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import type { AuditedProcesses, Observations, Sent } from "../../simulation/Auditor.ts"
import { listDifference, sameList } from "../lists.ts"
import type { Check } from "./auditing.ts"

/** The longest time after which a timer that is due must have fired. */
const PATIENCE_MILLIS = 60_000

/** The events of the steps of a process, without those of its definition. */
const stepsOf = (stream: ReadonlyArray<RecordedEvent>) =>
  stream.flatMap((recorded) =>
    ProcessEvents.codec.types.includes(recorded.type)
      ? Result.getOrElse(decodeRecorded(ProcessEvents.codec, recorded), () => []).map((event) => ({
          event,
          recorded
        }))
      : []
  )

/**
 * Returns the commands that processes have issued, lost steps included: a host may send the command
 * of a step that a restore has lost meanwhile.
 */
export const issuedBy = ({
  log,
  lost,
  processes
}: Observations): ReadonlyArray<Sent<unknown, unknown>> =>
  processes.flatMap(({ aggregate: { category }, commandTo }) =>
    stepsOf(
      [...log, ...lost].filter((one) => StreamId.category(one.streamId) === category)
    ).flatMap(({ event, recorded }) =>
      event._tag === "CommandIssued"
        ? {
            category: event.to,
            id: event.id,
            command: commandTo(event.to, event.command),
            commandId: recorded.id,
            occurredAt: undefined,
            answers: [],
            doubtful: true
          }
        : []
    )
  )

/** Compares the streams of processes with the events that they take, in the order of the log. */
export const checkProcesses = (
  processes: AuditedProcesses,
  streams: ReadonlyMap<string, ReadonlyArray<RecordedEvent>>,
  { endMillis, log, lost }: Observations,
  check: Check
): void => {
  if (endMillis === undefined) return
  const {
    aggregate: { category },
    name
  } = processes
  /** By the id of the process: the events from its start on, up to its end. */
  const expected = new Map<string, { readonly ids: Array<string>; isOver: boolean }>()
  for (const recorded of log) {
    for (const part of processes.correlate(recorded)) {
      if (part === "ignore") continue
      const id = "start" in part ? part.start : "end" in part ? part.end : part.continue
      const known = expected.get(id)
      if (known === undefined && !("start" in part)) continue
      const inputs = known ?? { ids: [], isOver: false }
      expected.set(id, inputs)
      if (inputs.isOver) continue
      inputs.ids.push(recorded.id)
      inputs.isOver = "end" in part
    }
  }
  const gone = new Set<string>(lost.map(({ id }) => id))
  const present = new Set<string>(log.map(({ id }) => id))
  const ids = new Set(expected.keys())
  for (const stream of streams.keys()) {
    if (stream.startsWith(`${category}-`)) ids.add(stream.slice(category.length + 1))
  }
  for (const id of ids) {
    const steps = stepsOf(streams.get(`${category}-${id}`) ?? [])
    const received = steps.flatMap(({ event }) =>
      // A host may deliver an event that a restore has lost meanwhile.
      event._tag === "EventReceived" && (present.has(event.eventId) || !gone.has(event.eventId))
        ? [event.eventId as string]
        : []
    )
    const all = expected.get(id)?.ids ?? []
    const hasEnded = steps.some(({ event }) => event._tag === "ProcessEnded")
    const due = hasEnded ? all.slice(0, received.length) : all
    // A step on a lost event, taken by a host across a restore, may start a process early, or take
    // again out of order what is recorded again.
    const holds =
      lost.length === 0
        ? sameList(received, due)
        : new Set(received).size === received.length && due.every((one) => received.includes(one))
    check(5, holds, () => `process ${name} ${id} took ${listDifference(received, due)}`)
    const pending = new Map<string, { readonly setting: number; readonly due: number }>()
    for (const { event, recorded } of steps) {
      if (event._tag === "TimerSet") {
        pending.set(event.timer, { setting: event.setting, due: event.due.epochMilliseconds })
      } else if (event._tag === "TimerCancelled") {
        pending.delete(event.timer)
      } else if (event._tag === "TimerFired") {
        const set = pending.get(event.timer)
        pending.delete(event.timer)
        check(
          6,
          set !== undefined && set.setting === event.setting,
          () => `timer ${event.timer} of process ${name} ${id} fired without being set`
        )
        check(
          5,
          recorded.recordedAt.epochMilliseconds >= event.due.epochMilliseconds,
          () => `timer ${event.timer} of process ${name} ${id} fired before it was due`
        )
      }
    }
    for (const [timer, set] of hasEnded ? [] : pending) {
      check(
        14,
        set.due > endMillis - PATIENCE_MILLIS,
        () => `timer ${timer} of process ${name} ${id} is overdue`
      )
    }
  }
}
