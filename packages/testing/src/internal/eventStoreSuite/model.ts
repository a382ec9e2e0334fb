/**
 * The contract of an event store once more, as simply as it can be said: one list, searched from end
 * to end for every question. Streams and events are small numbers here, positions are places in it.
 */
import type { ExpectedRevision } from "@daybook/store/ExpectedRevision"

export interface Entry {
  readonly stream: number
  readonly event: number
}

export interface Write {
  readonly stream: number
  readonly expected: ExpectedRevision
  /** None for a stream that is only checked. */
  readonly events: ReadonlyArray<number>
}

/** An answer without the positions, which say nothing by themselves. */
export type Answer =
  | { readonly _tag: "Appended"; readonly revisions: ReadonlyArray<number> }
  | { readonly _tag: "Refused"; readonly reason: string }
  | {
      readonly _tag: "WrongExpectedRevision"
      readonly stream: number
      readonly actual: number
      readonly between: ReadonlyArray<number>
    }
  | {
      readonly _tag: "EventIdConflict"
      readonly stream: number
      readonly recorded: ReadonlyArray<Entry & { readonly revision: number }>
    }

type Log = ReadonlyArray<Entry>

export const eventsOf = (log: Log, stream: number): ReadonlyArray<number> =>
  log.filter((entry) => entry.stream === stream).map((entry) => entry.event)

/** The log after the writes, all or none, and the answer to them. */
export const append = (
  log: Log,
  writes: ReadonlyArray<Write>
): { readonly log: Log; readonly answer: Answer } => {
  const answer =
    refuse(writes) ?? repeat(log, writes) ?? conflict(log, writes) ?? disappoint(log, writes)
  if (answer !== undefined) return { log, answer }
  const written = [
    ...log,
    ...writes.flatMap(({ events, stream }) => events.map((event) => ({ stream, event })))
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
    let last = 0
    for (const event of events) {
      const revision = eventsOf(log, stream).indexOf(event) + 1
      if (revision <= last) return undefined
      last = revision
    }
    revisions.push(last)
  }
  return { _tag: "Appended", revisions }
}

const conflict = (log: Log, writes: ReadonlyArray<Write>): Answer | undefined => {
  for (const { events, stream } of appends(writes)) {
    const recorded = events.flatMap((event) => {
      const entry = log.find((entry) => entry.event === event)
      if (entry === undefined) return []
      return [{ ...entry, revision: eventsOf(log, entry.stream).indexOf(event) + 1 }]
    })
    if (recorded.length > 0) return { _tag: "EventIdConflict", stream, recorded }
  }
  return undefined
}

const disappoint = (log: Log, writes: ReadonlyArray<Write>): Answer | undefined => {
  for (const { expected, stream } of writes) {
    const events = eventsOf(log, stream)
    const actual = events.length
    const wrong = { _tag: "WrongExpectedRevision", stream, actual } as const
    if (expected._tag === "Exists" && actual === 0) return { ...wrong, between: [] }
    if (expected._tag === "NoStream" && actual > 0) return { ...wrong, between: events }
    if (expected._tag === "Exactly" && actual !== expected.revision) {
      return { ...wrong, between: events.slice(expected.revision) }
    }
  }
  return undefined
}
