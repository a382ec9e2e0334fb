/**
 * A model of the event store contract, as simple as possible: one list that every question searches
 * from end to end. Streams and events are small numbers; positions are indexes of the list.
 */
import type { ExpectedRevision } from "@daybook/store/ExpectedRevision"

export interface Entry {
  readonly stream: number
  readonly event: number
  /** The length of the log before its append. */
  readonly append: number
}

export interface Write {
  readonly stream: number
  readonly expected: ExpectedRevision
  /** Empty for a stream that is only checked. */
  readonly events: ReadonlyArray<number>
}

/** An answer without positions, which have no meaning of their own. */
export type Answer =
  | { readonly _tag: "Appended"; readonly revisions: ReadonlyArray<number> }
  | { readonly _tag: "Refused"; readonly reason: string }
  | {
      readonly _tag: "WrongExpectedRevision"
      readonly stream: number
      readonly actual: number
      readonly between: ReadonlyArray<number>
      readonly place: number
      readonly others: ReadonlyArray<Unmet>
    }
  | {
      readonly _tag: "EventIdConflict"
      readonly stream: number
      readonly recorded: ReadonlyArray<Omit<Entry, "append"> & { readonly revision: number }>
    }

interface Unmet {
  readonly place: number
  readonly stream: number
  readonly actual: number
}

type Log = ReadonlyArray<Entry>

export const eventsOf = (log: Log, stream: number): ReadonlyArray<number> =>
  log.filter((entry) => entry.stream === stream).map((entry) => entry.event)

/** Writes all or nothing, and returns the new log with the answer. */
export const append = (
  log: Log,
  writes: ReadonlyArray<Write>
): { readonly log: Log; readonly answer: Answer } => {
  const answer =
    refuse(writes) ?? repeat(log, writes) ?? conflict(log, writes) ?? disappoint(log, writes)
  if (answer !== undefined) return { log, answer }
  const written = [
    ...log,
    ...writes.flatMap(({ events, stream }) =>
      events.map((event) => ({ stream, event, append: log.length }))
    )
  ]
  const revisions = appends(writes).map(({ stream }) => eventsOf(written, stream).length)
  return { log: written, answer: { _tag: "Appended", revisions } }
}

const appends = (writes: ReadonlyArray<Write>) => writes.filter(({ events }) => events.length > 0)

const refuse = (writes: ReadonlyArray<Write>): Answer | undefined => {
  if (repeats(writes.map(({ stream }) => stream))) {
    return { _tag: "Refused", reason: "RepeatedStream" }
  }
  if (repeats(writes.flatMap(({ events }) => events))) {
    return { _tag: "Refused", reason: "RepeatedEventId" }
  }
  return undefined
}

const repeats = (values: ReadonlyArray<number>) => new Set(values).size < values.length

const repeat = (log: Log, writes: ReadonlyArray<Write>): Answer | undefined => {
  const revisions: Array<number> = []
  for (const { events, stream } of appends(writes)) {
    const first = log.find((entry) => entry.event === events[0])
    const together = log.filter(
      (entry) => entry.append === first?.append && entry.stream === stream
    )
    if (together.map(({ event }) => event).join() !== events.join()) return undefined
    revisions.push(eventsOf(log, stream).indexOf(events.at(-1) ?? -1) + 1)
  }
  return { _tag: "Appended", revisions }
}

const conflict = (log: Log, writes: ReadonlyArray<Write>): Answer | undefined => {
  const taken = appends(writes).flatMap(({ events, stream: of }) =>
    events.flatMap((event) => {
      const entry = log.find((entry) => entry.event === event)
      if (entry === undefined) return []
      const { stream } = entry
      return [
        { of, recorded: { stream, event, revision: eventsOf(log, stream).indexOf(event) + 1 } }
      ]
    })
  )
  const [first] = taken
  return (
    first && {
      _tag: "EventIdConflict",
      stream: first.of,
      recorded: taken.map(({ recorded }) => recorded)
    }
  )
}

const disappoint = (log: Log, writes: ReadonlyArray<Write>): Answer | undefined => {
  const wrong = writes.flatMap(({ expected, stream }, place) => {
    const events = eventsOf(log, stream)
    const between = betweenOf(expected, events)
    return between === undefined ? [] : [{ place, stream, actual: events.length, between }]
  })
  const [first, ...others] = wrong
  return (
    first && {
      _tag: "WrongExpectedRevision",
      ...first,
      others: others.map(({ actual, place, stream }) => ({ place, stream, actual }))
    }
  )
}

/** Lists the events in between when a stream is not at the expected revision. */
const betweenOf = (
  expected: ExpectedRevision,
  events: ReadonlyArray<number>
): ReadonlyArray<number> | undefined => {
  if (expected._tag === "Exists" && events.length === 0) return []
  if (expected._tag === "NoStream" && events.length > 0) return events
  if (expected._tag === "Exactly" && events.length !== expected.revision) {
    return events.slice(expected.revision)
  }
  return undefined
}
