/**
 * The pure part of the command handler: folds a stream while watching for commands that it already
 * holds, decides requests on the resulting state, and finds the proof that a decision lacks.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import { decodeRecorded, EventDecodeError, type EventEncodeError } from "@daybook/kernel/EventCodec"
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
import type { Executed, HistoryEntry } from "../../CommandHandler.ts"
import * as ExpectedRevision from "../../ExpectedRevision.ts"

/** A request with its random and clock values drawn. */
export interface Identified<out Command> {
  readonly command: Command
  readonly commandId: CommandId
  readonly occurredAt: DateTime.Utc
  readonly metadata: EventMetadata
  /** True if the caller supplied the command id, so that it may have been executed before. */
  readonly callerSuppliedId: boolean
}

/**
 * A state of a stream at a revision, from which a fold may start.
 */
export interface KnownState<out State> {
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
export const initial = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>
): KnownState<State> => ({
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
  readonly executed: Map<CommandId, Executed<State, Event>>
  readonly snapshotRevision: Revision.Revision
  revision: Revision.Revision
  event: EventMark.EventMark | undefined
  position: Position.Position
  state: State
}

export const makeCursor = <State, Event>(
  streamId: StreamId,
  watched: ReadonlyArray<CommandId>,
  known: KnownState<State>
): Cursor<State, Event> => ({
  ...known,
  streamId,
  watched: new Set(watched),
  executed: new Map()
})

/** A folded stream, and what is proved of it. */
export interface LoadedStream<State, Event> {
  readonly cursor: Cursor<State, Event>
  /** True if the log was read up to the end of the stream since the commands arrived. */
  readonly current: boolean
  /**
   * True if no watched command was executed in events that the cursor did not fold, up to its
   * revision.
   */
  readonly complete: boolean
}

/** Folds the next events of the stream into the cursor, in place. */
export const evolveBy = <Command, State, Event, Rejection>(
  { codec, decider }: Aggregate<Command, State, Event, Rejection>,
  cursor: Cursor<State, Event>,
  recorded: ReadonlyArray<RecordedEvent>
): Result.Result<void, EventDecodeError> => {
  for (const stored of recorded) {
    const decoded = decodeRecorded(codec, stored)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    for (const event of decoded.success) cursor.state = decider.evolve(cursor.state, event)
    cursor.revision = stored.revision
    cursor.position = stored.position
    const { commandId } = stored.metadata
    if (commandId === undefined || !cursor.watched.has(commandId)) continue
    // The id of its first event identifies a command, since it can be looked up without a fold.
    const before = cursor.executed.get(commandId)?.events
    if (before !== undefined || stored.id === eventId(commandId, cursor.streamId, 0)) {
      cursor.executed.set(commandId, {
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
  Result.map(decodeRecorded(codec, recorded), (events) => {
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
  const answered = new Map(cursor.executed)
  let { state } = cursor
  for (const { command, commandId, metadata, occurredAt } of requests) {
    const repeated = answered.get(commandId)
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
      const decoded = codec.decode(encoded.success)
      if (Result.isFailure(decoded)) {
        const { streamId } = cursor
        const revision = Revision.make(cursor.revision + appended.length)
        const address = { ...fresh, streamId, revision, position: Position.start }
        return Result.fail(EventDecodeError.at(codec.name, address, decoded.failure))
      }
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
    if (decided.success.length > 0) answered.set(commandId, { ...executed, repeated: true })
  }
  return Result.succeed({ answers, events: appended, state })
}

/** A decision on requests, or the reason why the codec has none. */
export type Decision<State, Event, Rejection> = Result.Result<
  Decided<State, Event, Rejection>,
  EventEncodeError | EventDecodeError
>

/**
 * Returns the proof that a decision needs and its stream lacks, if any.
 *
 * An append proves both: it succeeds only on a stream at the revision of the state, and only with
 * ids that are new. So proofs are needed for commands that append nothing, and for a stream that is
 * not as the caller expects.
 */
export const proofLacking = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>,
  { complete, current, cursor }: LoadedStream<State, Event>,
  expected: ExpectedRevision.ExpectedRevision
): "current" | "complete" | undefined => {
  const isMet = ExpectedRevision.isMet(expected, cursor.revision)
  if (!current && !(isMet && appends(decision))) return "current"
  if (!complete && !(isMet && appendsForEach(decision))) return "complete"
  return undefined
}

/**
 * Returns true if the stream is at another revision than the caller expects, and the call is not a
 * repetition: if one of its commands is recorded, the stream was as expected when it first came.
 */
export const isUnexpected = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>,
  revision: Revision.Revision,
  expected: ExpectedRevision.ExpectedRevision
): boolean =>
  !ExpectedRevision.isMet(expected, revision) && (appends(decision) || !isRepeated(decision))

const appends = <State, Event, Rejection>(decision: Decision<State, Event, Rejection>): boolean =>
  Result.isSuccess(decision) && decision.success.events.length > 0

/** Returns true if each command has events, so that an append shows whether it is new. */
const appendsForEach = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>
): boolean =>
  Result.isSuccess(decision) &&
  decision.success.answers.every(
    (answer) => Result.isSuccess(answer) && answer.success.events.length > 0
  )

/** Returns true if a command was recorded before. */
const isRepeated = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>
): boolean =>
  Result.isSuccess(decision) &&
  decision.success.answers.some((answer) => Result.isSuccess(answer) && answer.success.repeated)

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
