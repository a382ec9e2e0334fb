/**
 * Folds a stream while watching for commands that it already holds.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import { decodeRecorded, type EventDecodeError } from "@daybook/kernel/EventCodec"
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import type { Executed, HistoryEntry } from "../../CommandHandler.ts"
import { eventId } from "./eventId.ts"

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
 * The commands to look for in a fold: by the command id in the metadata of their events, the
 * namespaces of their event ids.
 */
export type Watched = ReadonlyMap<CommandId, ReadonlyArray<string>>

export const watching = (
  requests: ReadonlyArray<{ readonly commandId: CommandId; readonly namespace: string }>
): Watched => {
  const watched = new Map<CommandId, Array<string>>()
  for (const { commandId, namespace } of requests) {
    const namespaces = watched.get(commandId)
    if (namespaces === undefined) watched.set(commandId, [namespace])
    else if (!namespaces.includes(namespace)) namespaces.push(namespace)
  }
  return watched
}

/** A watched command that a fold has found, with its events so far. */
interface Found<out State, out Event> {
  readonly answer: Executed<State, Event>
  /** The position of its first event. */
  readonly first: Position.Position
  /** The number of its stored events; each decodes to any number of the answer's. */
  readonly stored: number
}

/**
 * The progress of a fold of a stream, and the watched commands that it has found.
 * Mutable and owned by one fiber, so that a fold over 10,000 events copies nothing.
 */
export interface FoldProgress<State, Event> {
  readonly streamId: StreamId
  readonly watched: Watched
  /** By the namespaces of their event ids. */
  readonly found: Map<string, Found<State, Event>>
  readonly snapshotRevision: Revision.Revision
  revision: Revision.Revision
  event: EventMark.EventMark | undefined
  position: Position.Position
  state: State
}

export const beginFold = <State, Event>(
  streamId: StreamId,
  watched: Watched,
  known: KnownState<State>
): FoldProgress<State, Event> => ({ ...known, streamId, watched, found: new Map() })

/** A folded stream, and what is proved of it. */
export interface LoadedStream<State, Event> {
  readonly progress: FoldProgress<State, Event>
  /** True if the log was read up to the end of the stream since the commands arrived. */
  readonly current: boolean
  /**
   * True if no watched command was executed in events that the fold did not include, up to its
   * revision.
   */
  readonly complete: boolean
}

/** Continues a fold with the next events of the stream, in place. */
export const evolveBy = <Command, State, Event, Rejection>(
  { codec, decider }: Aggregate<Command, State, Event, Rejection>,
  progress: FoldProgress<State, Event>,
  recorded: ReadonlyArray<RecordedEvent>
): Result.Result<void, EventDecodeError> => {
  for (const stored of recorded) {
    const decoded = decodeRecorded(codec, stored)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    for (const event of decoded.success) progress.state = decider.evolve(progress.state, event)
    progress.revision = stored.revision
    progress.position = stored.position
    const { commandId } = stored.metadata
    const namespaces = commandId === undefined ? undefined : progress.watched.get(commandId)
    if (namespaces !== undefined) notice(progress, namespaces, stored, decoded.success)
  }
  const last = recorded.at(-1)
  if (last !== undefined) progress.event = EventMark.of(last)
  return Result.void
}

/** Adds the event that was folded last to the watched command that recorded it, if one did. */
const notice = <State, Event>(
  progress: FoldProgress<State, Event>,
  namespaces: ReadonlyArray<string>,
  stored: RecordedEvent,
  events: ReadonlyArray<Event>
): void => {
  const { found, position, revision, state, streamId } = progress
  for (const namespace of namespaces) {
    const before = found.get(namespace)
    const count = before?.stored ?? 0
    if (stored.id !== eventId(namespace, streamId, count)) continue
    found.set(namespace, {
      first: before?.first ?? position,
      stored: count + 1,
      answer: {
        streamId,
        revision,
        position,
        state,
        events: [...(before?.answer.events ?? []), ...events],
        repeated: true
      }
    })
    return
  }
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
