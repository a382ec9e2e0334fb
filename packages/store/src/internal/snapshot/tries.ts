/**
 * The revisions at which this handler began and saved snapshots of streams.
 */
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"

/** The revisions of the last snapshot begun and of the newest one saved; 0 for none. */
interface Tries {
  readonly tried: Revision.Revision
  readonly saved: Revision.Revision
}

export interface SnapshotTries {
  /** Returns the entry of a stream that is at `revision`. */
  readonly upTo: (streamId: StreamId, revision: Revision.Revision) => Tries
  readonly began: (streamId: StreamId, revision: Revision.Revision) => void
  readonly saved: (streamId: StreamId, revision: Revision.Revision) => void
}

const none: Tries = { tried: Revision.empty, saved: Revision.empty }

/** Remembers the `capacity` most recently used streams. A forgotten one costs an extra snapshot. */
export const make = (capacity: number): SnapshotTries => {
  // A map iterates in insertion order, so its first entry is the least recently used one.
  const entries = new Map<StreamId, Tries>()
  const put = (streamId: StreamId, tries: Tries) => {
    entries.delete(streamId)
    entries.set(streamId, tries)
    for (const oldest of entries.keys()) {
      if (entries.size <= capacity) return
      entries.delete(oldest)
    }
  }
  return {
    upTo: (streamId, revision) => {
      const tries = entries.get(streamId)
      if (tries === undefined) return none
      put(streamId, tries)
      // A later entry is from before the log was restored from a backup, or the command is late.
      return tries.tried > revision ? none : tries
    },
    began: (streamId, tried) => {
      const { saved } = entries.get(streamId) ?? none
      put(streamId, { tried, saved: saved > tried ? Revision.empty : saved })
    },
    saved: (streamId, saved) => {
      put(streamId, { tried: entries.get(streamId)?.tried ?? saved, saved })
    }
  }
}
