/**
 * The settled ends of a log that the last looks have seen, all of one history: a follower that
 * stands at one of them needs no look of its own to prove its checkpoint.
 *
 * Each look reads the mark at the newest of these ends again. While that is unchanged, the log has
 * lost none of its events up to there, so the marks at the ends before it hold too.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import type { Origin } from "../../driver/EventStoreDriver.ts"

/** The most ends: a follower that falls further behind looks for itself. */
const MAX_ENDS = 64

export interface Ends {
  /** The log of all ends; undefined before the first look. */
  readonly log: LogId | undefined
  /** The mark of the last event at or below each end, in the order of their positions. */
  readonly marks: ReadonlyMap<Position.Position, EventMark | null>
  readonly newest: Position.Position | undefined
}

export const none: Ends = { log: undefined, marks: new Map(), newest: undefined }

/**
 * Returns the position of the next look, which serves followers at these places: the newest end if
 * most of them stand at ends, and otherwise the place where most of the others stand.
 */
export const placeOfLook = (
  { marks, newest = Position.start }: Ends,
  places: ReadonlyArray<Position.Position>
): Position.Position => {
  const others = places.filter((place) => !marks.has(place))
  if (2 * others.length <= places.length) return newest
  const counts = new Map<Position.Position, number>()
  let [common, most] = [newest, 0]
  for (const place of others) {
    const count = (counts.get(place) ?? 0) + 1
    counts.set(place, count)
    if (count > most) [common, most] = [place, count]
  }
  return common
}

/** Returns the ends after a look at `place`. Ends of another history are forgotten. */
export const after = (ends: Ends, place: Position.Position, origin: Origin): Ends => {
  const { givenEvent, log, newest, settled, settledEvent } = origin
  const holds =
    ends.log === log &&
    ends.newest === place &&
    newest >= place &&
    ends.marks.get(place) === givenEvent
  // An open append may hold a look back below an earlier one.
  if (holds && settled <= place) return ends
  const marks = new Map(holds ? ends.marks : [])
  // Above the settled position an open append may still add another last event.
  if (place <= settled) marks.set(place, givenEvent)
  marks.set(settled, settledEvent)
  for (const oldest of marks.keys()) {
    if (marks.size <= MAX_ENDS) break
    marks.delete(oldest)
  }
  return { log, marks, newest: settled }
}
