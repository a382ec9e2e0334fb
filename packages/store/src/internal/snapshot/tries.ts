/**
 * At which revisions of their streams snapshots were begun, and saved, by this handler.
 */
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"

/** The revision of the last one that was begun, and of the newest that was saved; 0 for none. */
interface Tries {
  readonly tried: Revision.Revision
  readonly saved: Revision.Revision
}

export interface SnapshotTries {
  /** What is known of a stream that is at `revision`. */
  readonly upTo: (streamId: StreamId, revision: Revision.Revision) => Tries
  readonly began: (streamId: StreamId, revision: Revision.Revision) => void
  readonly saved: (streamId: StreamId, revision: Revision.Revision) => void
}

const none: Tries = { tried: Revision.empty, saved: Revision.empty }

/** Of the `capacity` streams that were asked for last. A forgotten one costs a snapshot more. */
export const make = (capacity: number): SnapshotTries => {
  // A map remembers the order of insertion, so its first entry is the one that was used longest ago.
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
      // Of a log that was since restored from a backup, or of a command that is late.
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
