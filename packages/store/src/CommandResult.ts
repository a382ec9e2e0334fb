/**
 * What the command handler answers.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"

/**
 * What an accepted command led to.
 *
 * **Details**
 * `revision` and `state`: of the stream after the command. `position`: what to wait for so that a read
 * model holds what the command was told of: of the last event of the append that recorded it, or, if it
 * recorded nothing, of the stream's last event; `Position.start` if the stream has none. For a repeated
 * command it is the position of its own last event. `events`: what it recorded, perhaps nothing,
 * as the codec reads it again: what is not stored of an event is not in it either.
 * `repeated`: its id was recorded before, so this time nothing was.
 *
 * @category types
 * @since 0.1.0
 */
export interface Executed<out State, out Event> {
  readonly streamId: StreamId
  readonly revision: Revision
  readonly position: Position
  readonly state: State
  readonly events: ReadonlyArray<Event>
  readonly repeated: boolean
}

/**
 * A state and the revision it was folded up to; revision 0 is the initial state.
 *
 * @category types
 * @since 0.1.0
 */
export interface Loaded<out State> {
  readonly streamId: StreamId
  readonly revision: Revision
  readonly state: State
}

/**
 * An event with the state after it.
 *
 * **Details**
 * `index`: counted from 0 among the events of today that one stored event stands for.
 *
 * @category types
 * @since 0.1.0
 */
export interface HistoryEntry<out State, out Event> {
  readonly recorded: RecordedEvent
  readonly index: number
  readonly event: Event
  readonly state: State
}
