/**
 * The log of the memory store: mutable arrays and their indexes, changed by `append` in one
 * synchronous step. So an append costs time for its own events only; copying the log would cost
 * time for all.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { LogId } from "@daybook/kernel/LogId"
import * as PassedOver from "@daybook/kernel/PassedOver"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import * as Result from "effect/Result"
import * as AppendRules from "../../driver/AppendRules.ts"
import type { EncodedAppend } from "../../driver/EventStoreDriver.ts"
import type {
  Appended,
  AppendRefused,
  EventIdConflict,
  EventStoreError,
  WrongExpectedRevision
} from "../../EventStore.ts"
import type { PassOverRefused } from "../driver/passOverRefused.ts"
import { type PassOver, refuseEvent, refuseMany, refuseWhy } from "../driver/passOver.ts"

/** A log in memory. Its positions count from 1 without gaps, so position p is `events[p - 1]`. */
export interface Log {
  readonly id: LogId
  readonly events: Array<AppendRules.StoredEvent>
  readonly streams: Map<StreamId, Array<AppendRules.StoredEvent>>
  readonly ids: Map<EventId, AppendRules.StoredEvent>
  /** The number of events after each append. */
  readonly ends: Array<number>
  /** The positions that readers pass over. */
  readonly passedOver: Set<Position>
  readonly facts: AppendRules.Facts
  /** The lowest time of recording of further events: a restore takes time. */
  earliest: number
}

export const empty = (id: LogId): Log => {
  const events: Log["events"] = []
  const streams: Log["streams"] = new Map()
  const ids: Log["ids"] = new Map()
  const passedOver: Log["passedOver"] = new Set()
  return {
    id,
    events,
    streams,
    ids,
    ends: [],
    earliest: Number.NEGATIVE_INFINITY,
    passedOver,
    facts: {
      head: () => headOf(events),
      find: (id) => ids.get(id),
      end: (streamId) => {
        const stream = streams.get(streamId)
        // Counted by the rules, so the cast adds only the brand.
        const revision = (stream?.length ?? 0) as Revision
        return { revision, recordedAt: stream?.at(-1)?.recordedAt ?? Number.NEGATIVE_INFINITY }
      },
      at: (streamId, revision) => streams.get(streamId)?.[revision - 1],
      after: (streamId, revision, limit) =>
        (streams.get(streamId) ?? [])
          .slice(revision, revision + limit)
          .map((stored) => shown(passedOver, stored))
    }
  }
}

/** Returns the position of the last event. */
export const head = (log: Log): Position => headOf(log.events)

/** Positions are counted, so the cast adds only the brand. */
const headOf = (events: Log["events"]) => BigInt(events.length) as Position

/**
 * Resets the log to its contents at a position, or to those before an append that spans the
 * position, and returns the lost events.
 */
export const restore = (log: Log, upTo: Position): ReadonlyArray<RecordedEvent> => {
  const end = log.ends.findLast((count) => count <= upTo) ?? 0
  const lost = log.events.splice(end)
  log.ends.splice(log.ends.lastIndexOf(end) + 1)
  const recorded = lost.map((stored) => toRecorded(log, stored))
  for (const { id, position, recordedAt, revision, streamId } of lost) {
    log.earliest = Math.max(log.earliest, recordedAt + 1)
    log.ids.delete(id)
    log.passedOver.delete(position)
    const stream = log.streams.get(streamId)
    if (revision === 1) log.streams.delete(streamId)
    else if (stream !== undefined && stream.length >= revision) stream.splice(revision - 1)
  }
  return recorded
}

/** Makes readers pass over an event of the log from now on. */
export const passOver = (log: Log, given: PassOver): Result.Result<void, PassOverRefused> =>
  Result.gen(function* () {
    yield* refuseWhy(given)
    const stored = log.events[Number(given.position) - 1]
    yield* refuseEvent(given, stored?.id)
    if (stored === undefined || log.passedOver.has(stored.position)) return
    yield* refuseMany(given.position, log.passedOver.size)
    log.passedOver.add(stored.position)
  })

/** Takes the events to be recorded, and returns the function to run with the write, or an error. */
export type BeforeCommit = (
  recorded: ReadonlyArray<RecordedEvent>
) => Result.Result<() => void, EventStoreError>

/** Writes all appends, or none, and returns the last revision and position of each. */
export const append = (
  log: Log,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  now: number,
  beforeCommit?: BeforeCommit
): Result.Result<
  Arr.NonEmptyReadonlyArray<Appended>,
  AppendRefused | EventIdConflict | WrongExpectedRevision | EventStoreError
> => {
  const decided = AppendRules.decide(log.facts, appends, Math.max(now, log.earliest))
  if (Result.isFailure(decided)) return Result.fail(decided.failure)
  const { answers, events } = decided.success
  if (events.length === 0) return Result.succeed(answers)
  if (beforeCommit === undefined) {
    write(log, events)
    return Result.succeed(answers)
  }
  return Result.map(beforeCommit(events.map(AppendRules.toRecorded)), (commit) => {
    write(log, events)
    commit()
    return answers
  })
}

const write = (log: Log, events: ReadonlyArray<AppendRules.StoredEvent>): void => {
  for (const stored of events) {
    const stream = log.streams.get(stored.streamId)
    if (stream === undefined) log.streams.set(stored.streamId, [stored])
    else stream.push(stored)
    log.events.push(stored)
    log.ids.set(stored.id, stored)
  }
  log.ends.push(log.events.length)
}

/** Returns the event for readers. */
export const toRecorded = (log: Log, stored: AppendRules.StoredEvent): RecordedEvent =>
  AppendRules.toRecorded(shown(log.passedOver, stored))

const shown = (
  passedOver: Log["passedOver"],
  stored: AppendRules.StoredEvent
): AppendRules.StoredEvent =>
  passedOver.has(stored.position)
    ? { ...stored, type: PassedOver.TYPE, schemaVersion: 1, data: "{}", metadata: "{}" }
    : stored
