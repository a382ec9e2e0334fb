/**
 * The pure part of the command handler: folds a stream while watching for commands that it already
 * holds, and decides requests on the resulting state.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { v5 as uuidV5 } from "uuid"
import type { Executed, HistoryEntry } from "../../CommandResult.ts"

/** A request with its random and clock values drawn. */
export interface Identified<out Command> {
  readonly command: Command
  readonly commandId: CommandId
  readonly occurredAt: DateTime.Utc
  readonly metadata: EventMetadata
  /** True if the caller supplied the command id, so that it may have been executed before. */
  readonly brought: boolean
}

/**
 * A state of a stream at a revision, from which a fold may start.
 */
export interface Known<out State> {
  readonly revision: Revision.Revision
  /** The event at `revision`; undefined at revision 0. */
  readonly event: EventMark.EventMark | undefined
  /**
   * The position of that event; `Position.start` at revision 0, and for a snapshot until its event
   * is read again.
   */
  readonly position: Position.Position
  readonly state: State
  /** The revision of the newest snapshot that is known to exist; 0 for none. */
  readonly snapshotRevision: Revision.Revision
}

/** Returns the start of every stream: the initial state at revision 0. */
export const nothing = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>
): Known<State> => ({
  revision: Revision.empty,
  event: undefined,
  position: Position.start,
  state: aggregate.decider.initialState,
  snapshotRevision: Revision.empty
})

/**
 * The progress of a fold of a stream, and the watched commands that it has found.
 * Mutable and owned by one fiber, so that a fold over 10,000 events copies nothing.
 */
export interface Cursor<State, Event> {
  readonly streamId: StreamId
  readonly watched: ReadonlySet<CommandId>
  readonly recorded: Map<CommandId, Executed<State, Event>>
  readonly snapshotRevision: Revision.Revision
  revision: Revision.Revision
  event: EventMark.EventMark | undefined
  position: Position.Position
  state: State
}

export const begin = <State, Event>(
  streamId: StreamId,
  watched: ReadonlyArray<CommandId>,
  known: Known<State>
): Cursor<State, Event> => ({
  ...known,
  streamId,
  watched: new Set(watched),
  recorded: new Map()
})

/** Folds the next events of the stream into the cursor, in place. */
export const evolveBy = <Command, State, Event, Rejection>(
  { codec, decider }: Aggregate<Command, State, Event, Rejection>,
  cursor: Cursor<State, Event>,
  recorded: ReadonlyArray<RecordedEvent>
): Result.Result<void, EventDecodeError> => {
  for (const stored of recorded) {
    const decoded = codec.decode(stored)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    for (const event of decoded.success) cursor.state = decider.evolve(cursor.state, event)
    cursor.revision = stored.revision
    cursor.position = stored.position
    const { commandId } = stored.metadata
    if (commandId === undefined || !cursor.watched.has(commandId)) continue
    // The id of its first event identifies a command, since it can be looked up without a fold.
    const before = cursor.recorded.get(commandId)?.events
    if (before !== undefined || stored.id === eventId(commandId, cursor.streamId, 0)) {
      cursor.recorded.set(commandId, {
        streamId: cursor.streamId,
        revision: cursor.revision,
        position: cursor.position,
        state: cursor.state,
        events: [...(before ?? []), ...decoded.success],
        repeated: true
      })
    }
  }
  const last = recorded.at(-1)
  if (last !== undefined) cursor.event = EventMark.of(last)
  return Result.void
}

/** Decodes the next stored event of a stream, and returns each event with the state after it. */
export const entries = <Command, State, Event, Rejection>(
  { codec, decider }: Aggregate<Command, State, Event, Rejection>,
  before: State,
  recorded: RecordedEvent
): Result.Result<ReadonlyArray<HistoryEntry<State, Event>>, EventDecodeError> =>
  Result.map(codec.decode(recorded), (events) => {
    let state = before
    return events.map((event, index) => {
      state = decider.evolve(state, event)
      return { recorded, index, event, state }
    })
  })

/**
 * The answers to requests, the events that must be appended at the cursor to make them true, and
 * the resulting state. The positions of the answers are those before the append; see `placed`.
 */
export interface Decided<State, Event, Rejection> {
  readonly answers: ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>
  readonly events: ReadonlyArray<NewEvent>
  readonly state: State
}

/** Decides requests one after the other, each in the state that those before it leave. */
export const decideAll = <Command, State, Event, Rejection>(
  { codec, decider }: Aggregate<Command, State, Event, Rejection>,
  cursor: Cursor<State, Event>,
  requests: ReadonlyArray<Identified<Command>>
): Result.Result<Decided<State, Event, Rejection>, EventEncodeError | EventDecodeError> => {
  const answers: Array<Result.Result<Executed<State, Event>, Rejection>> = []
  const appended: Array<NewEvent> = []
  const recorded = new Map(cursor.recorded)
  let { state } = cursor
  for (const { command, commandId, metadata, occurredAt } of requests) {
    const repeated = recorded.get(commandId)
    if (repeated !== undefined) {
      answers.push(Result.succeed(repeated))
      continue
    }
    const decided = decider.decide(command, state)
    if (Result.isFailure(decided)) {
      answers.push(Result.fail(decided.failure))
      continue
    }
    const events: Array<Event> = []
    for (const [index, event] of decided.success.entries()) {
      const encoded = codec.encode(event)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      const fresh: NewEvent = {
        ...encoded.success,
        id: eventId(commandId, cursor.streamId, index),
        metadata: { ...metadata, commandId },
        occurredAt
      }
      appended.push(fresh)
      // The decider's event may hold more than is stored. Every fold of the log sees the stored
      // event, so answers, caches and snapshots use that one.
      const decoded = codec.decode(asRecorded(fresh, cursor, appended.length))
      if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
      for (const stored of decoded.success) {
        state = decider.evolve(state, stored)
        events.push(stored)
      }
    }
    const executed: Executed<State, Event> = {
      streamId: cursor.streamId,
      revision: Revision.make(cursor.revision + appended.length),
      position: cursor.position,
      state,
      events,
      repeated: false
    }
    answers.push(Result.succeed(executed))
    if (decided.success.length > 0) recorded.set(commandId, { ...executed, repeated: true })
  }
  return Result.succeed({ answers, events: appended, state })
}

/** Returns the answers after the events decided at `revision` were recorded up to `position`. */
export const placed = <State, Event, Rejection>(
  answers: ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
  revision: Revision.Revision,
  position: Position.Position
): ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>> =>
  answers.map((answer) =>
    Result.map(answer, (executed) =>
      executed.revision > revision ? { ...executed, position } : executed
    )
  )

/** Returns the event as it will be read, except its position and recorded time, not known yet. */
const asRecorded = <State, Event>(
  event: NewEvent,
  { revision, streamId }: Cursor<State, Event>,
  nth: number
): RecordedEvent => ({
  ...event,
  streamId,
  revision: Revision.make(revision + nth),
  position: Position.start,
  recordedAt: event.occurredAt
})

/**
 * Derives the id of event number `index` of a command on a stream: a UUID of version 5 (RFC 9562,
 * section 5.5).
 *
 * The name includes the stream, so that one command id can serve several streams. A number contains
 * no space, so a name belongs to one number and stream. The namespace is passed as bytes: as text
 * it would need a version that the RFC knows.
 */
export const eventId = (commandId: CommandId, streamId: StreamId, index: number): EventId.EventId =>
  EventId.make(uuidV5(`${index} ${streamId}`, Buffer.from(commandId.replaceAll("-", ""), "hex")))
