/**
 * What every snapshot store has, whatever it stores in: spans, and a range for how many to keep.
 */
import * as Effect from "effect/Effect"
import { SnapshotStore } from "../../SnapshotStore.ts"

/** The same store, its operations in spans. */
export const instrument = ({
  delete: remove,
  load,
  prune,
  save
}: SnapshotStore["Service"]): SnapshotStore["Service"] =>
  SnapshotStore.of({
    load: (streamId, options) =>
      load(streamId, options).pipe(inSpan("SnapshotStore.load", streamId)),
    save: (snapshot) => save(snapshot).pipe(inSpan("SnapshotStore.save", snapshot.streamId)),
    prune: (snapshot, keep) =>
      Number.isSafeInteger(keep) && keep >= 1
        ? prune(snapshot, keep).pipe(inSpan("SnapshotStore.prune", snapshot.streamId))
        : Effect.die(new RangeError(`keep is ${keep}, allowed is a whole number, 1 or more`)),
    delete: (streamId, only) =>
      remove(streamId, only).pipe(inSpan("SnapshotStore.delete", streamId))
  })

const inSpan = (name: string, streamId: string) =>
  Effect.withSpan(name, { attributes: { "daybook.stream": streamId } })
