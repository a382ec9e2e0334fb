/**
 * The newest known states of the most recently used streams, in memory.
 *
 * Entries are never changed, only replaced, so fibers that share one can't disturb each other. An
 * entry may be older than its stream: its user reads on from it, or appends at its revision, which
 * then fails.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import type { KnownState } from "./fold.ts"

/**
 * A cache that separates the states of different aggregates by their objects, even on one stream.
 */
export interface StateCache {
  readonly get: <State>(
    aggregate: Described<State>,
    streamId: StreamId
  ) => KnownState<State> | undefined
  /** Stores `known`, unless the entry has a higher revision. */
  readonly set: <State>(
    aggregate: Described<State>,
    streamId: StreamId,
    known: KnownState<State>
  ) => void
  readonly remove: (streamId: StreamId) => void
}

/** The part of an aggregate that determines the type of its states. */
interface Described<in out State> {
  readonly decider: { readonly evolve: (state: State, event: never) => State }
}

/** Holds the states of at most `capacity` streams. */
export const make = (capacity: number): StateCache => {
  // A map iterates in insertion order, so its first entry is the least recently used one.
  const entries = new Map<StreamId, { readonly of: object; readonly known: KnownState<unknown> }>()
  const find = <State>(aggregate: Described<State>, streamId: StreamId) => {
    const entry = entries.get(streamId)
    // Only `set` writes entries, each with a state of the aggregate in `of`.
    return entry?.of === aggregate ? (entry.known as KnownState<State>) : undefined
  }
  const put = (aggregate: object, streamId: StreamId, known: KnownState<unknown>) => {
    entries.delete(streamId)
    entries.set(streamId, { of: aggregate, known })
  }
  return {
    get: (aggregate, streamId) => {
      const known = find(aggregate, streamId)
      if (known !== undefined) put(aggregate, streamId, known)
      return known
    },
    set: (aggregate, streamId, known) => {
      const before = find(aggregate, streamId)
      if (before !== undefined && before.revision > known.revision) return
      put(aggregate, streamId, known)
      for (const oldest of entries.keys()) {
        if (entries.size <= capacity) return
        entries.delete(oldest)
      }
    },
    remove: (streamId) => entries.delete(streamId)
  }
}
