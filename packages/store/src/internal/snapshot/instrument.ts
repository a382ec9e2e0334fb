/**
 * The spans of every snapshot store, and the check of the number to keep.
 */
import * as Effect from "effect/Effect"
import { SnapshotStore } from "../../SnapshotStore.ts"

/** Runs the operations of a store in spans, and checks `keep`. */
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
