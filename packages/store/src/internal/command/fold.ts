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
 * The progress of a fold of a stream, and the watched commands that it has found.
 * Mutable and owned by one fiber, so that a fold over 10,000 events copies nothing.
 */
export interface FoldProgress<State, Event> {
  readonly streamId: StreamId
  readonly watched: ReadonlySet<CommandId>
  readonly executed: Map<CommandId, Executed<State, Event>>
  readonly snapshotRevision: Revision.Revision
  revision: Revision.Revision
  event: EventMark.EventMark | undefined
  position: Position.Position
  state: State
}

export const beginFold = <State, Event>(
  streamId: StreamId,
  watched: ReadonlyArray<CommandId>,
  known: KnownState<State>
): FoldProgress<State, Event> => ({
  ...known,
  streamId,
  watched: new Set(watched),
  executed: new Map()
})

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
    if (commandId === undefined || !progress.watched.has(commandId)) continue
    // The id of its first event identifies a command, since it can be looked up without a fold.
    const before = progress.executed.get(commandId)?.events
    if (before !== undefined || stored.id === eventId(commandId, progress.streamId, 0)) {
      progress.executed.set(commandId, {
        streamId: progress.streamId,
        revision: progress.revision,
        position: progress.position,
        state: progress.state,
        events: [...(before ?? []), ...decoded.success],
        repeated: true
      })
    }
  }
  const last = recorded.at(-1)
  if (last !== undefined) progress.event = EventMark.of(last)
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
