/**
 * The events that a range has handed out and not committed yet: a lane for each key, and the
 * low-water mark up to which all are done.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"

/** An event, or the end of a page. */
export interface Entry {
  readonly of: RecordedEvent | Checkpoint
  /** The number of lanes that still handle the event: it is in that of each of its keys. */
  left: number
}

/** The events of one key, in order. */
export interface Lane {
  readonly key: string
  readonly entries: Array<Entry>
  /** The index of the entry that is handled, or is the next. */
  next: number
}

export interface Lanes {
  /** The lanes that have events and no worker. */
  readonly ready: Queue.Queue<Lane>
  /** Open while there is room for another event. */
  readonly room: Latch.Latch
  /** Open while all events are done. */
  readonly idle: Latch.Latch
  /** Opened when the low-water mark moved by an event, or by the end of a page. */
  readonly moved: { readonly byEvent: Latch.Latch; readonly byPage: Latch.Latch }
  /** The number of further events that there is room for. */
  readonly roomUnsafe: () => number
  readonly putUnsafe: (keys: ReadonlyArray<string>, event: RecordedEvent) => void
  /** Returns true while events of the key are handled. */
  readonly isBusyUnsafe: (key: string) => boolean
  /** Adds an event that needs no reaction, or the end of a page. */
  readonly passUnsafe: (of: RecordedEvent | Checkpoint) => void
  readonly doneUnsafe: (entry: Entry) => void
  readonly endUnsafe: (lane: Lane) => void
  /** Returns the last entry of those that are done without a gap. */
  readonly lowUnsafe: () => Entry["of"] | undefined
}

/** The number of entries after which those that are done are forgotten. */
const COMPACT = 1_024

/** Makes the lanes of a range, with room for `most` events. */
export const make = (most: number): Effect.Effect<Lanes> =>
  Effect.map(Queue.unbounded<Lane>(), (ready) => {
    const lanes = new Map<string, Lane>()
    const entries: Array<Entry> = []
    let first = 0
    let low: Entry["of"] | undefined
    const room = Latch.makeUnsafe(true)
    const idle = Latch.makeUnsafe(true)
    const moved = { byEvent: Latch.makeUnsafe(), byPage: Latch.makeUnsafe() }

    /** Moves the low-water mark past what is done. */
    const advance = () => {
      while (true) {
        const entry = entries[first]
        if (entry === undefined || entry.left > 0) break
        low = entry.of
        first++
        if (isEvent(entry.of)) moved.byEvent.openUnsafe()
        else moved.byPage.openUnsafe()
      }
      if (first >= COMPACT || first === entries.length) {
        entries.splice(0, first)
        first = 0
      }
      if (entries.length - first < most) room.openUnsafe()
      if (entries.length === first) idle.openUnsafe()
    }
    const add = (of: Entry["of"], left: number): Entry => {
      const entry = { of, left }
      entries.push(entry)
      if (entries.length - first >= most) room.closeUnsafe()
      return entry
    }
    return {
      ready,
      room,
      idle,
      moved,
      roomUnsafe: () => most - (entries.length - first),
      putUnsafe: (keys, event) => {
        const entry = add(event, keys.length)
        idle.closeUnsafe()
        for (const key of keys) {
          const lane = lanes.get(key)
          if (lane !== undefined) lane.entries.push(entry)
          else {
            const made: Lane = { key, entries: [entry], next: 0 }
            lanes.set(key, made)
            Queue.offerUnsafe(ready, made)
          }
        }
      },
      isBusyUnsafe: (key) => lanes.has(key),
      passUnsafe: (of) => {
        add(of, 0)
        advance()
      },
      doneUnsafe: (entry) => {
        entry.left--
        if (entry.left === 0 && entry === entries[first]) advance()
      },
      endUnsafe: ({ key }) => lanes.delete(key),
      lowUnsafe: () => low
    }
  })

/** Returns true for an event, false for the end of a page. */
export const isEvent = (of: Entry["of"]): of is RecordedEvent => "id" in of
