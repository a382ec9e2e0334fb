/**
 * Wraps the snapshot store of a host, so that it forgets, lags and fails.
 */
import * as Revision from "@daybook/kernel/Revision"
import { type Snapshot, SnapshotStore, SnapshotStoreError } from "@daybook/store/SnapshotStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Connection } from "./connection.ts"
import { LOST } from "./lost.ts"

type Snapshots = SnapshotStore["Service"]

export const make = (snapshots: Snapshots, { call, change, plan }: Connection): Snapshots => {
  const lost = (operation: string) =>
    Effect.suspend(() => Effect.fail(new SnapshotStoreError({ operation, cause: LOST })))
  const changed = <A, E>(operation: string, effect: Effect.Effect<A, E | SnapshotStoreError>) =>
    change({ unsent: "snapshot-fails", unacknowledged: "snapshot-fails" }, effect, lost(operation))
  return SnapshotStore.of({
    load: (streamId, options) =>
      Effect.gen(function* () {
        const fault = plan.occasion("snapshot-vanishes", "snapshot-stale", "snapshot-fails")
        if (fault?.kind === "snapshot-fails") return yield* lost("load")
        if (fault?.kind === "snapshot-vanishes") {
          if (fault.dice.chance(0.5)) yield* call(snapshots.delete(streamId))
          return Option.none<Snapshot>()
        }
        const newest = yield* call(snapshots.load(streamId, options))
        if (fault === undefined || Option.isNone(newest)) return newest
        const atOrBelow = Revision.make(newest.value.revision - 1)
        return yield* call(snapshots.load(streamId, { ...options, atOrBelow }))
      }),
    save: (snapshot) => changed("save", snapshots.save(snapshot)),
    prune: (snapshot, keep) => changed("prune", snapshots.prune(snapshot, keep)),
    delete: (streamId, only) => changed("delete", snapshots.delete(streamId, only))
  })
}
