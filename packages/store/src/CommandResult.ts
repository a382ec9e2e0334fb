/**
 * The answers of the command handler.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"

/**
 * The outcome of an accepted command.
 *
 * @category types
 * @since 0.1.0
 */
export interface Executed<out State, out Event> {
  readonly streamId: StreamId
  /** The revision of the stream after the command. */
  readonly revision: Revision
  /**
   * The position to wait for until a read model reflects this answer: the last event of the append
   * that recorded the command. If it recorded nothing, the stream's last event, or `Position.start`
   * for an empty stream. For a repeated command, its own last event.
   */
  readonly position: Position
  /** The state of the stream after the command. */
  readonly state: State
  /** The recorded events, perhaps none, as the codec reads them back: without unstored parts. */
  readonly events: ReadonlyArray<Event>
  /** True when the command id was recorded before, so this call recorded nothing. */
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
 * @category types
 * @since 0.1.0
 */
export interface HistoryEntry<out State, out Event> {
  readonly recorded: RecordedEvent
  /** The place of `event` among the events that `recorded` decodes to, from 0. */
  readonly index: number
  readonly event: Event
  readonly state: State
}
